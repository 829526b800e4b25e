"""A small real index that the tests of the faces ask, and change in copies."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backissue.api.http.app import create_app
from backissue.api.http.auth import ApiKey, Scope, hashed
from backissue.api.http.settings import ServerSettings
from backissue.indexer import Indexer
from backissue.search.archive import Archive
from backissue.search.types import Article

WRITER = {"Authorization": "Bearer secret-of-the-writer"}
ADMIN = {"X-API-Key": "secret-of-the-admin"}
KEYS = (
    ApiKey("writer", Scope.WRITE, hashed("secret-of-the-writer")),
    ApiKey("admin", Scope.ADMIN, hashed("secret-of-the-admin")),
)

ARTICLES = (
    Article(
        id="pl/kim-1",
        title="Kim wraca z Rosji. Co dostanie w zamian",
        text="Kim Dzong Un wrócił z Rosji. W zamian za amunicję Korea Północna dostanie żywność, ropę i pomoc "
        "przy budowie satelitów. Eksperci mówią też o technologii okrętów podwodnych.",
        lang="pl",
        published="2023-09-18",
        source="Kurier Północny",
        author="Anna Lis",
        section="Świat",
        url="https://example.org/kim-1",
    ),
    Article(
        id="en-putin",
        title="Putin visits Pyongyang",
        text="Vladimir Putin visited Pyongyang and signed a treaty of mutual defence. North Korea sends artillery "
        "shells and receives food and energy in return.",
        lang="en",
        published="2024-06-19",
        source="The Harbour Post",
        author="John Marsh",
        section="World",
    ),
    Article(
        id="de-satellit",
        title="Nordkorea startet einen Satelliten",
        text="Nordkorea hat einen Militärsatelliten gestartet. Russland soll mit Technik geholfen haben.",
        lang="de",
        published="2023-11-22T09:30:00+01:00",
        source="Elbkurier",
        section="Welt",
    ),
    Article(
        id="pl-odra",
        title="Odra znów wystąpiła z brzegów",
        text="Po ulewnych deszczach Odra wystąpiła z brzegów. Strażacy układają worki z piaskiem na wałach.",
        lang="pl",
        published="2024-09-15",
        source="Kurier Północny",
        author="Piotr Wilk",
        section="Kraj",
    ),
    Article(
        id="en-bakery",
        title="The last bakery of the old town",
        text="The last bakery of the old town closes after ninety years. The baker says that flour and gas became "
        "too expensive.",
        lang="en",
        published="2022-03-12",
        source="The Harbour Post",
        section="Local",
    ),
    Article(
        id="de-fahrrad ü?#%",
        title="Mehr Radwege für Hamburg",
        text="Hamburg baut mehr Radwege. Der Senat will bis zum Jahr 2030 hundert Kilometer neue Wege schaffen.",
        lang="de",
        source="Elbkurier",
    ),
)


@pytest.fixture(scope="session")
def press_articles() -> tuple[Article, ...]:
    """What the small index holds."""
    return ARTICLES


@pytest.fixture(scope="session")
def press_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six articles in three languages. Tests only read it."""
    path = tmp_path_factory.mktemp("small") / "index"
    Indexer(path).rebuild(ARTICLES)
    return path


@pytest.fixture(scope="session")
def press(press_index: Path) -> Iterator[Archive]:
    with Archive.open(press_index) as press:
        yield press


@pytest.fixture(scope="session")
def client(press_index: Path) -> Iterator[TestClient]:
    """A client of a server that only reads."""
    with TestClient(create_app(press_index)) as client:
        yield client


@pytest.fixture
def own_index(press_index: Path, tmp_path: Path) -> Path:
    """A copy of the small index that the test may change."""
    return Path(shutil.copytree(press_index, tmp_path / "index"))


@pytest.fixture(scope="session")
def admin() -> dict[str, str]:
    """The headers that present an administrator's key."""
    return ADMIN


@pytest.fixture
def editor(own_index: Path) -> Iterator[TestClient]:
    """A client of a server that takes changes, with a writer's key."""
    with TestClient(create_app(own_index, ServerSettings(api_keys=KEYS)), headers=WRITER) as client:
        yield client
