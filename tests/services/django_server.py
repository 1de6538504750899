"""`asking.py` behind Django. Run by gunicorn."""

import asking
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from hops import Inbound

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a test")
django.setup()

urlpatterns = [path("ask", lambda request: JsonResponse(asking.answer(Inbound("server", request))))]
app = get_wsgi_application()
