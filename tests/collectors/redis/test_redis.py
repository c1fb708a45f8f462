"""Redis's INFO: limits that are none, counters over a restart, and what a refusal means."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from advisor.collectors import redis
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.errors import InputError
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, TokenRefused, Unexpected, Unreachable
from advisor.testing.replay import NOON

INFO = {
    "run_id": "a1",
    "used_memory": "80000000",
    "maxmemory": "100000000",
    "connected_clients": "12",
    "maxclients": "10000",
    "total_commands_processed": "1000",
    "evicted_keys": "5",
    "keyspace_hits": "800",
    "keyspace_misses": "200",
    "total_error_replies": "10",
    "used_cpu_user_main_thread": "6.0",
    "used_cpu_sys_main_thread": "3.0",
    "slave0": "ip=10.0.0.2,port=6379,state=online,offset=42,lag=1",
    "slave1": "ip=10.0.0.3,port=6379,state=online,offset=40,lag=4",
    "executable": "/usr/bin/redis: server",
}
TEXT = "# Server\r\n" + "".join(f"{key}:{value}\r\n" for key, value in INFO.items()) + "\r\n"
BEFORE = NOON - timedelta(minutes=1)


def later(**changed: str) -> dict[str, Any]:
    first = redis.parse(INFO, BEFORE, {}, "Redis")
    again = redis.parse({**INFO, **changed}, NOON, first.keep, "Redis")
    return {one.metric: one for one in again.readings}


def test_levels_and_limits_are_the_servers() -> None:
    answer = redis.parse(redis.fields(TEXT), NOON, {}, "Redis")
    assert {one.metric: one.value for one in answer.readings} == {
        "memory": 80e6,
        "connections": 12,
        "replication_lag": 4,
    }
    told = {(term.metric, term.limit): term.value for term in answer.terms}
    assert told[("memory", Limit.AVAILABLE)] == 100e6
    assert told[("connections", Limit.MAX)] == 10_000


def test_a_maxmemory_of_zero_is_no_limit() -> None:
    answer = redis.parse({**INFO, "maxmemory": "0"}, NOON, {}, "Redis")
    assert not [term for term in answer.terms if term.metric == "memory"]
    assert any("`maxmemory` is 0" in gap.why for gap in answer.gaps)


def test_counters_become_amounts_between_two_polls() -> None:
    seen = later(
        total_commands_processed="1600", keyspace_hits="890", keyspace_misses="210", evicted_keys="8"
    )
    assert (seen["commands"].value, seen["commands"].since, seen["commands"].at) == (600, BEFORE, NOON)
    assert (seen["cache_hit_rate"].value, seen["cache_hit_rate"].of) == (90, 100)
    assert (seen["evicted_keys"].value, seen["error_rate"].value) == (3, 0)


def test_cpu_is_use_of_the_one_core_that_the_main_thread_can_use() -> None:
    assert later(used_cpu_user_main_thread="30", used_cpu_sys_main_thread="9")["cpu"].value == 0.5


def test_a_restart_begins_counters_anew() -> None:
    seen = later(run_id="b2", total_commands_processed="1100", evicted_keys="1")
    assert (seen["commands"].value, seen["evicted_keys"].value) == (1100, 1)
    assert "cpu" not in seen
    assert later(total_commands_processed="40")["commands"].value == 40


@asynccontextmanager
async def server(reply: Callable[[list[str]], bytes]) -> AsyncIterator[str]:
    """A server that answers each command, whose words are given to `reply`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2].decode())
            writer.write(reply(words))
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def poll_of(reply: Callable[[list[str]], bytes]) -> Any:
    async with client() as http, server(reply) as place:
        poll = Poll(http, Service("s", "i", "i", "redis", "a"), Account("a", "redis"), NOON)
        settings = redis.Settings(url=SecretStr(f"redis://advisor:s3cr%20et@{place}"))
        await redis.verify(poll, settings)
        return await redis.collect(poll, settings)


async def test_it_signs_in_and_reads_info_where_config_is_denied() -> None:
    said: list[list[str]] = []

    def reply(words: list[str]) -> bytes:
        said.append(words)
        if words[0] == "INFO":
            return b"$%d\r\n%s\r\n" % (len(TEXT), TEXT.encode())
        return b"+OK\r\n" if words[0] == "AUTH" else b"-NOPERM this user has no permissions\r\n"

    answer = await poll_of(reply)
    assert said[0] == ["AUTH", "advisor", "s3cr et"]
    assert len(answer.readings) == 3


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"-WRONGPASS invalid username-password pair\r\n", TokenRefused),
        (b"-ERR unknown command 'AUTH', with args beginning with: 's3cr et'\r\n", TokenRefused),
        (b"-LOADING Redis is loading the dataset in memory\r\n", Unreachable),
        (b"-ERR max number of clients reached\r\n", Unreachable),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Unexpected),
    ],
)
async def test_a_refusal_is_told_without_the_password(said: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        await poll_of(lambda _: said)
    assert "s3cr" not in str(raised.value)


async def test_a_user_without_info_is_told_the_right() -> None:
    with pytest.raises(Forbidden, match=r"\+info"):
        await poll_of(lambda words: b"+OK\r\n" if words[0] == "AUTH" else b"-NOPERM no\r\n")


async def test_a_wrong_address_repeats_nothing_of_it() -> None:
    with pytest.raises(InputError) as raised:
        redis.Address.parse("http://user:s3cret@host")
    assert "s3cret" not in str(raised.value)
