"""The stand-in of `provider.py`, which the demo has as well, with every dialect and behaviour that the tests ask for."""

import messages_api
import provider
import shapes

for module in (messages_api, shapes):
    provider.DIALECTS.update(module.DIALECTS)
    provider.BEHAVIOURS.update(module.BEHAVIOURS)

if __name__ == "__main__":
    provider.main()
