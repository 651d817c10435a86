import asyncio
import dataclasses

import pytest

from creative_logs.errors import InputError
from serving.client.client import AsyncCreativeClient, ServerError
from serving.client.request import Exploration
from tests.serving.helpers import MODEL, PATIENCE_S, REQUEST


def _with_client(server, use, **options):
    async def main():
        async with AsyncCreativeClient(server.address, MODEL, PATIENCE_S, **options) as client:
            return await use(client)

    return asyncio.run(main())


def test_answers_as_the_sync_client(shared_server):
    exploration = Exploration(2.0, 0.5)
    other = dataclasses.replace(REQUEST, candidates={'button': ['b0', 'b1']}, texts={}, seed=3)

    async def use(client):
        return [
            await client.select(REQUEST),
            await client.select_many([REQUEST, other]),
            await client.select(REQUEST, exploration, estimate_propensity=True),
            await client.contract(),
            await client.versions(),
            (await client.predict([REQUEST], [7])).version,
        ]

    with shared_server.client() as client:
        expected = [
            client.select(REQUEST),
            client.select_many([REQUEST, other]),
            client.select(REQUEST, exploration, estimate_propensity=True),
            client.contract(),
            client.versions(),
            client.predict([REQUEST], [7]).version,
        ]
    assert _with_client(shared_server, use) == expected


def test_tasks_share_a_client(shared_server):
    async def use(client):
        return await asyncio.gather(*(client.select(REQUEST) for _ in range(20)))

    answers = _with_client(shared_server, use)
    assert len(answers) == 20 and all(answer == answers[0] for answer in answers)


def test_errors_are_those_of_the_sync_client(shared_server):
    async def bad(client):
        await client.select(dataclasses.replace(REQUEST, context={'user_id': 'u'}))

    with pytest.raises(InputError, match="context feature 'ad_id' is missing"):
        _with_client(shared_server, bad)

    async def good(client):
        await client.select(REQUEST)

    with pytest.raises(ServerError, match="serves no version of model 'genco'"):
        _with_client(shared_server, good, version=9)
