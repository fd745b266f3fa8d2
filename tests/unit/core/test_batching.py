import asyncio

import pytest

from core.batching import Batcher
from core.errors import Busy, Conflict


class Book:
    """A handler that keeps what it was given, and writes only when let."""

    def __init__(self, *, refuses=(), breaks=()):
        self.batches, self.written = [], []
        self.refuses, self.breaks = set(refuses), set(breaks)
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, commands):
        self.batches.append(list(commands))
        await self.gate.wait()
        if self.breaks & set(commands):
            raise RuntimeError("the whole batch is rolled back")
        self.written += [c for c in commands if c not in self.refuses]
        return [Conflict(str(c)) if c in self.refuses else c * 10 for c in commands]


@pytest.fixture
async def batcher_of():
    made = []

    def make(book, **settings):
        made.append((Batcher(book, **settings), book))
        return made[-1][0]

    yield make
    for batcher, book in made:
        book.gate.set()
        await batcher.close()


async def _submit(batcher, command):
    return await batcher.submit(command)


async def _all(batcher, commands):
    return await asyncio.gather(*(batcher.submit(c) for c in commands), return_exceptions=True)


async def _until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - any condition, and one turn of the loop at a time
            await asyncio.sleep(0)


async def test_what_arrives_together_is_written_together_in_its_order(batcher_of):
    book = Book()
    assert await _all(batcher_of(book), range(50)) == [n * 10 for n in range(50)]
    assert book.batches == [list(range(50))]


async def test_what_arrives_meanwhile_forms_the_next_batch(batcher_of):
    book = Book()
    batcher = batcher_of(book)
    book.gate.clear()
    first = asyncio.create_task(_submit(batcher, 1))
    await _until(lambda: book.batches)
    rest = asyncio.create_task(_all(batcher, [2, 3, 4]))
    await _until(lambda: len(batcher) == 3)
    book.gate.set()
    assert await first == 10
    assert await rest == [20, 30, 40]
    assert book.batches == [[1], [2, 3, 4]]


async def test_a_batch_has_a_bound(batcher_of):
    book = Book()
    await _all(batcher_of(book, max_batch=4), range(10))
    assert book.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_a_refused_command_is_answered_by_its_error_alone(batcher_of):
    book = Book(refuses=[2])
    one, two, three = await _all(batcher_of(book), [1, 2, 3])
    assert (one, three) == (10, 30)
    assert isinstance(two, Conflict)
    assert len(book.batches) == 1


async def test_a_command_that_breaks_the_batch_fails_alone(batcher_of):
    book = Book(breaks=[2])
    one, two, three = await _all(batcher_of(book), [1, 2, 3])
    assert (one, three) == (10, 30)
    assert isinstance(two, RuntimeError)
    assert book.written == [1, 3]
    assert book.batches == [[1, 2, 3], [1], [2], [3]]


async def test_a_command_alone_is_tried_once_more_and_no_oftener(batcher_of):
    book = Book(breaks=[1])
    with pytest.raises(RuntimeError):
        await batcher_of(book).submit(1)
    assert book.batches == [[1], [1]]


async def test_what_broke_once_is_answered_when_it_goes_well_the_second_time(batcher_of):
    book = Book(breaks=[1])

    async def mended(commands):
        try:
            return await book(commands)
        finally:
            book.breaks.clear()

    mended.gate = book.gate
    assert await batcher_of(mended).submit(1) == 10


async def test_a_handler_that_loses_an_answer_leaves_nobody_waiting(batcher_of):
    async def forgetful(commands):
        return list(commands)[1:]

    forgetful.gate = asyncio.Event()
    batcher = batcher_of(forgetful)
    async with asyncio.timeout(5):
        answers = await _all(batcher, [1, 2])
        assert {type(answer) for answer in answers} == {ValueError}
        assert {type(answer) for answer in await _all(batcher, [3])} == {ValueError}  # it still works


async def test_past_the_bound_a_command_is_refused_at_once(batcher_of):
    book = Book()
    batcher = batcher_of(book, max_waiting=3)
    book.gate.clear()
    first = asyncio.create_task(_submit(batcher, 0))
    await _until(lambda: book.batches)
    waiting = asyncio.create_task(_all(batcher, [1, 2, 3]))
    await _until(lambda: len(batcher) == 3)
    with pytest.raises(Busy):
        await batcher.submit(4)
    book.gate.set()
    await first
    assert await waiting == [10, 20, 30]
    assert 4 not in book.written


async def test_a_caller_who_leaves_takes_nobody_along_and_the_writing_stands(batcher_of):
    book = Book()
    batcher = batcher_of(book)
    book.gate.clear()
    leaver, stayer = (asyncio.create_task(_submit(batcher, n)) for n in (1, 2))
    await _until(lambda: book.batches)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    book.gate.set()
    assert await stayer == 20
    assert book.written == [1, 2]
    assert await batcher.submit(3) == 30


async def test_close_finishes_what_is_in_hand_and_what_waits():
    book = Book()
    batcher = Batcher(book, max_batch=1)
    book.gate.clear()
    tasks = [asyncio.create_task(_submit(batcher, n)) for n in (1, 2, 3)]
    await _until(lambda: book.batches)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0.02)
    assert not closing.done()
    book.gate.set()
    await closing
    assert book.written == [1, 2, 3]
    assert [await task for task in tasks] == [10, 20, 30]


async def test_after_close_a_command_is_refused_and_does_not_wait_for_ever():
    batcher = Batcher(Book())
    await batcher.close()
    with pytest.raises(Busy):
        await batcher.submit(1)
