# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first month
#
# A small synthetic city is written, its two months are run by the same command a technician uses, and the tables
# that the rooms hand to each other are looked at one after the other. Everything here is a suspicion (疑似).

# %%
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import rasterio
from matplotlib import font_manager

from pipeline import schema
from pipeline.store import read_table

city = Path("first-month-city")

# %%
# !{sys.executable} -m pipeline demo {city} --size small

# %% [markdown]
# ## What the satellite saw
#
# `acquire` leaves the last clear look before the month and the last clear look inside it, aligned and on one radiometry.

# %%
run = city / "runs" / "2026-10"


def true_colour(name):
    with rasterio.open(run / "acquire" / "s2" / name) as source:
        return np.clip(np.nan_to_num(source.read([3, 2, 1])) * 4, 0, 1).transpose(1, 2, 0), source.bounds


targets = read_table(run / "register" / "targets.parquet", schema.TARGETS)
figure, axes = plt.subplots(1, 2, figsize=(12, 6))
for axis, name in zip(axes, ("before.tif", "after.tif"), strict=True):
    image, bounds = true_colour(name)
    axis.imshow(image, extent=(bounds.left, bounds.right, bounds.bottom, bounds.top))
    targets.boundary.plot(ax=axis, color="red", linewidth=1)
    axis.set_title(name)
    axis.set_axis_off()
plt.show()

# %%
targets[["target_id", "state", "probability", "stage", "area_m2", "last_clear", "first_seen"]]

# %% [markdown]
# ## Who acts
#
# Every target has a cell, a unit, a person and a rank; what exceeds a unit's workload is listed with the reason.

# %%
tasks = read_table(run / "patrol" / "tasks.parquet", schema.TASKS)
tasks[["target_id", "cell_id", "acting_unit_id", "person_id", "rank", "included", "left_out_reason"]]

# %% [markdown]
# ## What the patrols did about it
#
# The verdict is the first that fits; 不可判 names the evidence that is missing.

# %%
verdicts = read_table(run / "reconcile" / "verdicts.parquet", schema.VERDICTS)
verdicts[["target_id", "verdict", "seen_probability", "reason"]]

# %%
has_chinese = any("CJK" in font.name or "SimHei" in font.name for font in font_manager.fontManager.ttflist)
print("Chinese fonts for plots:", "found" if has_chinese else "none; install fonts-noto-cjk for Chinese in plots")
verdicts.groupby(["acting_unit_id", "verdict"]).size().unstack(fill_value=0).plot.barh(stacked=True, figsize=(9, 4))
plt.xlabel("targets")
plt.show()

# %% [markdown]
# ## What the satellite missed, and what was set aside
#
# Nothing is dropped: a ledger finding without a target is classed, a suppressed candidate keeps its reason.

# %%
read_table(run / "reconcile" / "omissions.parquet", schema.OMISSIONS)[["entry_id", "omission", "reason"]]

# %%
read_table(run / "screen" / "suppressed.parquet", schema.SUPPRESSED)[
    ["candidate_id", "suppressed_by", "suppressed_reason"]
]
