from __future__ import annotations

from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

from tests.generated import REPOSITORY


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", sorted((REPOSITORY / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = jupytext.read(path)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    silent = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not cell.outputs]
    assert all("import" in source or source.startswith("run = ") for source in silent), silent
