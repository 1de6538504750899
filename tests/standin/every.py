"""The stand-in of `provider.py`, which the demo has as well, with every dialect and behaviour that the tests ask for.

    every.py … [--ask] [--tls 1.2|1.3] [--cipher AES128|AES256|CHACHA20]

With --ask it holds each TLS connection before the handshake, prints {"knock": PORT} with the client's port, and
goes on when a line of its input has that port: whoever reads decides when a client may begin.
"""

import door
import echo
import messages_api
import provider
import responses_api
import scripted
import shapes
import tls_forms

for module in (messages_api, responses_api, shapes, scripted, echo):
    provider.DIALECTS.update(module.DIALECTS)
    provider.BEHAVIOURS.update(module.BEHAVIOURS)

if __name__ == "__main__":
    parser = provider.arguments()
    parser.add_argument("--ask", action="store_true")
    tls_forms.add_arguments(parser)
    options = parser.parse_args()
    tls_forms.begin_anew(options)
    provider.main(options, tls_forms.context(options), door.Door if options.ask else None)
