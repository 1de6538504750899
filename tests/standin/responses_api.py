"""OpenAI's responses, as streams of text (https://platform.openai.com/docs/api-reference/responses-streaming)."""

import json

from provider import MODEL, WORDS


class Response:
    """What one request is answered with."""

    response_model = MODEL
    wants_usage = True
    finish_reason = "stop"

    def __init__(self, number, request):
        self.id = f"resp_standin{number:06d}"
        self.model = request.get("model", "")
        self.stream = bool(request.get("stream"))
        self.input_tokens = 11 + 3 * number % 997
        self.output_tokens = 1013 + 7 * number % 991

    def item(self):
        text = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
        return {"id": "msg_standin", "type": "message", "role": "assistant", "status": "completed", "content": [text]}

    def body(self, status="completed"):
        is_over = status == "completed"
        usage = {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": 5},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 7},
            "total_tokens": self.input_tokens + self.output_tokens,
        }
        return {
            "id": self.id,
            "object": "response",
            "created_at": 1_760_000_000,
            "status": status,
            "model": MODEL,
            "output": [self.item()] if is_over else [],
            "usage": usage if is_over else None,
        }

    def events(self):
        item = self.item()
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        events = [("response.created", {"response": self.body("in_progress")})]
        events.append(("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}))
        events.extend(("response.output_text.delta", {**place, "delta": word}) for word in WORDS)
        events.append(("response.output_item.done", {"output_index": 0, "item": item}))
        events.append(("response.completed", {"response": self.body()}))
        for number, (name, fields) in enumerate(events):
            event = json.dumps({"type": name, "sequence_number": number, **fields})
            yield f"event: {name}\ndata: {event}\n\n".encode()


DIALECTS = {"/responses": Response}
BEHAVIOURS = {}
