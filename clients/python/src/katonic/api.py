"""The whole API of the platform: every operation, and the requests and answers that they have.

    from katonic import Client
    from katonic.api import models, operations

    tiers = Client().call(operations.LIST_HARDWARE_TIERS, models.ListHardwareTiersRequest())

A request has what the API's reference lists as path, query and body together. Of an answer, what the platform left out
has its default.
"""

from ._generated import models, operations

__all__ = ["models", "operations"]
