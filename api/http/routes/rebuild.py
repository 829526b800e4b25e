"""Long work: `/v1/rebuild` and `/v1/jobs`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse

from backissue.api.http.auth import Scope, may_read, needs
from backissue.api.http.problems import READING, documented
from backissue.api.http.schemas import JobShape
from backissue.api.http.service import TheService

router = APIRouter(prefix="/v1", tags=["index"])


@router.post(
    "/rebuild",
    response_model=JobShape,
    status_code=202,
    responses=documented("unauthorized", "writing_disabled", "forbidden", "too_many_requests"),
    dependencies=[Depends(needs(Scope.ADMIN))],
)
async def rebuild(service: TheService) -> Response:
    """Make a new generation of the index from what the archive holds. `Location` is the address of the job.

    Searches go on; they move to the new generation when it is published. A rebuild that waits to begin is not
    queued twice.
    """
    job = await service.rebuild()
    return JSONResponse(job.to_dict(), 202, {"Location": f"/v1/jobs/{job.id}"})


@router.get(
    "/jobs/{job_id}",
    response_model=JobShape,
    responses=documented("job_not_found", *READING),
    dependencies=[Depends(may_read)],
)
async def job(job_id: Annotated[str, Path(description="The id that began the job.")], service: TheService) -> Response:
    """How far a job is, and what came of it."""
    return JSONResponse((await service.job(job_id)).to_dict())
