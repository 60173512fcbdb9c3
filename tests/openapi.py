"""Reading an OpenAPI 3.1 document, as far as our own uses it, and holding replies against it."""
import json

from jsonschema import Draft202012Validator, RefResolver

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


class Document:
    def __init__(self, root):
        self.root = root
        self.resolver = RefResolver("", root)

    def at(self, pointer):
        """What stands at "#/a/b"; fails when nothing does."""
        assert pointer.startswith("#/"), pointer
        place = self.root
        for part in pointer[2:].split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        return place

    def follow(self, place):
        """place, or what it refers to (not for schemas, in which a reference may have siblings)."""
        return self.follow(self.at(place["$ref"])) if "$ref" in place else place

    def operations(self):
        """(method, path, operation) of each."""
        for path, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def parameters(self, operation):
        return [self.follow(p) for p in operation.get("parameters", [])]

    def response(self, method, path, status):
        return self.follow(self.root["paths"][path][method.lower()]["responses"][str(status)])

    def faults(self, schema, value):
        check = Draft202012Validator(schema, resolver=self.resolver)
        return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                for e in check.iter_errors(value)]

    def examples(self, holder):
        """Of a media type, a parameter or a header, besides those within its schema."""
        if "example" in holder:
            yield holder["example"]
        for example in holder.get("examples", {}).values():
            yield self.follow(example)["value"]

    def check_reply(self, method, path, reply):
        """Fails unless the reply is one that the document promises."""
        response = self.response(method, path, reply.status)
        for name, header in response.get("headers", {}).items():
            self.check_header(name, self.follow(header), reply.headers[name])
        content = response.get("content")
        if not content:
            assert not reply.bytes and reply.headers["Content-Type"] is None
            return
        kind = reply.headers["Content-Type"].split(";")[0]
        assert kind in content, f"{kind} is not in the document"
        if "schema" not in content[kind]:  # bytes that are no text
            return
        text = reply.bytes.decode()
        value = json.loads(text) if kind.endswith("json") else text
        assert not (faults := self.faults(content[kind]["schema"], value)), faults

    def check_header(self, name, header, text):
        if text is None:
            assert not header.get("required"), f"the header {name} is missing"
            return
        value = int(text) if header["schema"].get("type") == "integer" else text
        assert not (faults := self.faults(header["schema"], value)), (name, faults)
