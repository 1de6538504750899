"""`asking.py` behind Flask. Run by gunicorn."""

import asking
import flask
from hops import Inbound

app = flask.Flask("server")


@app.post("/ask")
def ask():
    later = []
    # Flask's request is a proxy for that of the moment.
    document = asking.answer(Inbound("server", flask.request._get_current_object()), later.append)
    response = flask.jsonify(document)
    for function in later:
        response.call_on_close(function)
    return response
