import io
import json

import pytest

from advisor.core.message import Message
from advisor.notify.contract import Refused
from advisor.notify.stdout import Stdout


async def test_people_get_text(message: Message, capsys: pytest.CaptureFixture[str]):
    await Stdout().send(message)
    assert "Upgrade the database to Supabase Pro" in capsys.readouterr().out


async def test_programs_get_one_object_a_line(message: Message):
    stream = io.StringIO()
    channel = Stdout(json=True, stream=stream)
    await channel.send(message)
    await channel.send(message)
    first, second = stream.getvalue().splitlines()
    assert json.loads(first) == json.loads(second)
    assert Message.model_validate_json(first) == message


async def test_a_closed_stream_refuses_in_one_sentence(message: Message):
    stream = io.StringIO()
    stream.close()
    with pytest.raises(Refused, match="standard output takes no more text"):
        await Stdout(stream=stream).send(message)
