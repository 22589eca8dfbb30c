"""How fast something shared by several processes may be spent: a pure account, a bank that keeps it, a purse."""

from spfc.pacing.account import Account, Quota, Report, Share, Standing, settle
from spfc.pacing.bank import Bank, LocalBank
from spfc.pacing.purse import Purse

__all__ = ["Account", "Bank", "LocalBank", "Purse", "Quota", "Report", "Share", "Standing", "settle"]
