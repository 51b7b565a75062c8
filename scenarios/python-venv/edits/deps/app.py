"""Summary: says what a row of numbers has in common."""

import os
import statistics
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query
from fastapi.responses import ORJSONResponse, PlainTextResponse
from pydantic import BaseModel

# Tells which build of the program answers.
EDITION = "0000000000000000"

app = FastAPI(title="Summary", version=EDITION, default_response_class=ORJSONResponse)


class Summary(BaseModel):
    count: int
    mean: float
    median: float
    edition: str = EDITION


@app.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    return "ok\n"


@app.get("/summary")
def summary(value: Annotated[list[float], Query(min_length=1)]) -> Summary:
    return Summary(count=len(value), mean=statistics.fmean(value), median=statistics.median(value))


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8000")))
