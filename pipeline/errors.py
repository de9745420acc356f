"""Numbered errors: every one says what is wrong, where, and what to do about it.

``docs/error-codes.md`` is generated from :data:`CODES`; a test keeps the two in step.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # 1xx configuration and command line
    "E101": "configuration file missing or unreadable",
    "E102": "configuration value not allowed",
    "E103": "period or date not understood",
    "E104": "option needs something the input does not have",
    "E105": "city folder incomplete",
    "E106": "stored format is newer than this program",
    "E107": "stored format is older: migrate the city folder first",
    # 2xx imagery
    "E201": "raster missing or unreadable",
    "E202": "band missing or unknown",
    "E203": "rasters do not overlap",
    "E204": "scene without a date",
    "E205": "mask does not fit the raster",
    "E206": "images cannot be registered to each other",
    "E207": "earlier and later image swapped",
    # 3xx layers
    "E301": "layer unreadable",
    "E302": "layer without a coordinate reference system",
    "E303": "required layer or field missing",
    "E304": "coordinate transformation needs the bureau's own parameters",
    "E305": "several layers fit one role",
    "E306": "rule file not usable",
    "E307": "layer lies outside the city in its own coordinate reference system",
    "E308": "land class codes cannot be told apart",
    "E309": "statute with a gap in time",
    "E310": "reading a PostGIS database needs the extra postgis",
    "E311": "database cannot be reached",
    "E312": "table or column missing in the database, or not to be read",
    "E313": "two tables would write one layer file",
    "E314": "list of database tables missing or not usable",
    "E315": "content of a database table cannot be taken over",
    # 4xx units, cells, people, plans, records
    "E401": "unit table missing or lacks a column",
    "E402": "unknown unit, cell or person named",
    "E403": "record file row not usable",
    "E404": "period not ready for this step",
    "E405": "unit table row not usable",
    "E406": "decision form damaged, edited or not usable",
    "E407": "two answer for one place on one day",
    "E408": "grid cells overlap",
    "E409": "record contradicts itself or another record",
    # 5xx ledgers and tracks
    "E501": "ledger file unreadable",
    "E502": "ledger without a date column",
    "E503": "ledger or track that belongs to no known unit",
    "E504": "track file unreadable",
    "E505": "ledger row or cell not usable",
    "E506": "copy of another ledger row or track",
    "E507": "ledger row that is no record",
    "E508": "same ledger file under two units",
    "E515": "photo unreadable or named by no ledger entry",
    "E509": "ledger cell mended by a later correction",
    # 6xx runs
    "E601": "stage output missing or damaged",
    "E602": "another run is working on this period",
    "E603": "stage failed",
    "E604": "interrupted",
    # 7xx machine
    "E701": "disk full",
    "E702": "folder cannot be written",
    # 8xx trained models
    "E801": "model missing, damaged or not the one that was sealed",
    "E802": "model is for other images",
    "E803": "model needs a newer program",
    "E804": "labelled pairs not usable for training",
    "E805": "trained model refused: no better than the weights in use",
    "E806": "optional component not installed",
    "E807": "network does not answer as its golden tile says",
}


class XunchaError(Exception):
    """A problem a user can act on.

    Parameters
    ----------
    code : a key of :data:`CODES`.
    message : which file, row or field is wrong, in words.
    hint : what the user can do about it.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str) -> None:
        if code not in CODES:
            raise KeyError(f"error code {code} is not listed in pipeline.errors.CODES")
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code} {CODES[self.code]}: {self.message} -> {self.hint}"


class InputError(XunchaError):
    """The input is wrong: exit code 2, nothing was written."""

    exit_code = 2


class StageError(XunchaError):
    """A stage could not finish: exit code 1, finished parts are kept and the run resumes."""
