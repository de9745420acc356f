"""The tables that flow between rooms, as data: column names, kinds, units and meanings, by the room that writes them."""

from pipeline.schema.table import *
from pipeline.schema.records import *
from pipeline.schema.layers import *
from pipeline.schema.detection import *
from pipeline.schema.patrol import *
from pipeline.schema.ledger import *
from pipeline.schema.reconcile import *
from pipeline.schema.supervise import *
from pipeline.schema.jctb import *
