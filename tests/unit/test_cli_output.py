"""What the command line prints for people: what was decided, letter for letter."""

import pytest

from services.cli.common import console, table


def test_a_mac_is_never_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """Rich knows `:cd:` and `:ab:` as emoji; in a MAC they are octets."""
    console().print("fa:16:3e:cd:75:2c", markup=False)
    table([{"mac": "fa:16:3e:ab:cd:2c"}], ("mac",))

    said = capsys.readouterr().out
    assert "fa:16:3e:cd:75:2c" in said
    assert "fa:16:3e:ab:cd:2c" in said


def test_a_label_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a user's text are not taken for markup, in which they would vanish or end the program."""
    table([{"label": "[bold]front[/] [/nothing]"}], ("label",))

    assert "[bold]front[/] [/nothing]" in capsys.readouterr().out
