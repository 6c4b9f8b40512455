"""The engine that needs nothing: workers of this machine analyze ahead and render, while this process composes."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed

from diffbgm.batch.pool import Pool
from diffbgm.batch.rows import Piece, compose_rows, finish_row, plan_row, run_apart
from diffbgm.pipeline import DiffBGM


def score_here(
    pieces: Sequence[Piece],
    model: DiffBGM,
    pool: Pool,
    ended: Callable[[Piece], None],
    report: Callable[[], None],
) -> None:
    """Scores all pieces.

    Args:
        pieces: The rows.
        model: Composes in this thread, the windows of several rows at once where the device gains by it.
        pool: Runs the other stages.
        ended: Hears of every row as it is finished, in any thread.
        report: Called now and then in this thread; what it raises ends the work.
    """
    waiting = deque(pieces)
    planning: deque[Future[Piece]] = deque()
    finishing: list[Future[None]] = []

    def finish(piece: Piece) -> None:
        ended(run_apart(pool, finish_row, piece))

    def take(wait: bool) -> Piece | None:
        while True:
            report()
            while waiting and len(planning) < 2 * pool.count:
                planning.append(pool.submit(run_apart, pool, plan_row, waiting.popleft()))
            if not planning or not (wait or planning[0].done()):
                return None
            piece = planning.popleft().result()
            if not piece.error:
                return piece
            finishing.append(pool.submit(finish, piece))

    finishing.extend(pool.submit(finish, piece) for piece in compose_rows(model.model, model.dtype, take))
    for future in as_completed(finishing):
        future.result()
        report()
