import pytest

from keeper.venues.simulated.tape.recording import Recording, load


@pytest.fixture(scope="session")
def recording() -> Recording:
    return load()
