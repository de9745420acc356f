"""Case states from people's records, alerts from later imagery, approved parcels, referral drafts."""
