"""The pages of poison, of the cluster and its queues, of dropping files, and of workloads."""

from collections import Counter
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.web.caller import Role
from services.web.desk import Desk, fields_of, must_be, to, unsure
from services.web.measures import Point
from services.web.plots import line
from shared.control.poison import Entry
from shared.errors import Missing
from shared.pages import View


class DeskPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/poison", self.poison),
            Route("/poison/requeue", self.requeue, methods=["POST"]),
            Route("/poison/purge", self.purge, methods=["POST"]),
            Route("/cluster", self.cluster),
            Route("/drop/{workload}", self.drop),
            Route("/w/{workload}/{path:path}", self.of_workload),
        ]

    def poison(self, request: Request) -> Response:
        first = self._desk.once("the poison", self._desk.poison.first)
        reasons = Counter((entry.queue, entry.reason) for entry in first.entries)
        return self._desk.fill(
            request, "poison.html", first=first, reasons=reasons.most_common(), entry_lines=2000
        )

    async def requeue(self, request: Request) -> Response:
        return await self._settle(request, "requeue", self._desk.poison.requeue)

    async def purge(self, request: Request) -> Response:
        return await self._settle(request, "purge", self._desk.poison.purge)

    async def _settle(
        self, request: Request, deed: str, act: Callable[[Callable[[Entry], bool]], int]
    ) -> Response:
        must_be(Role.OPERATOR, request)
        fields = await fields_of(request)
        ids, every = set(fields.get("id", [])), "all" in fields

        if (every or deed == "purge") and unsure(fields):
            question = f"{deed.capitalize()} {'all messages' if every else 'this message'}?"
            return self._desk.ask(request, question, fields, "/poison")
        if every or ids:
            await run_in_threadpool(act, self._desk.noting(request, deed, ids, every))
        self._desk.changed()
        return to("/poison")

    def cluster(self, request: Request) -> Response:
        state = self._desk.board.fresh()
        series = self._desk.board.measures.series
        plots = {
            "nodes": line(series(lambda point: point.nodes)),
            **{
                queue.name: line(series(messages_of(queue.name)))
                for queue in (state.sample.queues if state.sample else ())
            },
        }
        ages = {
            queue.name: line(series(age_of(queue.name)))
            for queue in (state.sample.queues if state.sample else ())
        }
        return self._desk.fill(request, "cluster.html", sample=state.sample, plots=plots, ages=ages)

    def drop(self, request: Request) -> Response:
        must_be(Role.UPLOADER, request)
        name = request.path_params["workload"]
        part = self._desk.pages.get(name)
        if part is None or part.drop is None:
            raise Missing(f"nothing can be dropped for {name}")
        return self._desk.fill(
            request,
            "drop.html",
            workload=name,
            view=f"{name}/{part.drop}",
            view_facts=part.facts_of_drop(),
        )

    def of_workload(self, request: Request) -> Response:
        name = request.path_params["workload"]
        part = self._desk.pages.get(name)
        answer = part.answer(request.path_params["path"], request.query_params) if part else None
        if answer is None:
            raise Missing("there is no such page")
        if isinstance(answer, View):
            return self._desk.fill(
                request,
                "workload.html",
                title=answer.title,
                view=f"{name}/{answer.template}",
                view_facts=answer.facts,
            )
        keeping = f"private, max-age={answer.seconds}" if answer.seconds else "no-store"
        return Response(
            answer.content, media_type=answer.media_type, headers={"Cache-Control": keeping}
        )


def messages_of(name: str) -> Callable[[Point], float]:
    return lambda point: next((q.messages for q in point.queues if q.name == name), 0)


def age_of(name: str) -> Callable[[Point], float]:
    return lambda point: next((q.oldest_seconds for q in point.queues if q.name == name), 0.0)
