"""The images of tools/images: what is in them, and that it is the same each time."""
import hashlib
import io
import json
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest

from daemon import make_images
from programs import ROOT

NAMES = ["askcsv", "askcsv-runner"]


class Image:
    def __init__(self, path):
        self.tar = tarfile.open(path)
        self.index = self.json("index.json")
        described, = self.index["manifests"]
        self.digest = described["digest"]
        self.manifest = self.blob(described)
        self.config = self.blob(self.manifest["config"])
        self.layers = [tarfile.open(fileobj=io.BytesIO(self.bytes_of(d)))
                       for d in self.manifest["layers"]]
        self.members = {f"/{m.name}": (m, layer) for layer in self.layers for m in layer.getmembers()}

    def read(self, name):
        return self.tar.extractfile(name).read()

    def json(self, name):
        return json.loads(self.read(name))

    def bytes_of(self, descriptor):
        data = self.read("blobs/sha256/" + descriptor["digest"].removeprefix("sha256:"))
        assert len(data) == descriptor["size"]
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
        return data

    def blob(self, descriptor):
        return json.loads(self.bytes_of(descriptor))

    def file(self, path):
        member, layer = self.members[path]
        return layer.extractfile(member).read()

    def files(self):
        return {path for path, (member, _) in self.members.items() if member.isfile()}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def image(images, name):
    return Image(images / f"{name}.tar")


def test_twice_the_same(images, tmp_path):
    make_images(tmp_path)
    for one in NAMES:
        assert (tmp_path / f"{one}.tar").read_bytes() == (images / f"{one}.tar").read_bytes()


def test_layout(image, name):
    """As the OCI image layout says, and as docker load reads it."""
    assert image.json("oci-layout") == {"imageLayoutVersion": "1.0.0"}
    assert image.manifest["schemaVersion"] == 2 and image.index["schemaVersion"] == 2
    assert image.config["rootfs"]["diff_ids"] == [d["digest"] for d in image.manifest["layers"]]
    assert image.config["os"] == "linux" and image.config["architecture"] in ("amd64", "arm64")
    old, = image.json("manifest.json")
    assert old["RepoTags"] == [f"{name}:0.1.0"]
    assert old["Layers"] == ["blobs/sha256/" + d["digest"][7:] for d in image.manifest["layers"]]


def test_nobody_and_no_shell(image):
    config = image.config["config"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"])
    program, = config["Entrypoint"]
    assert program in image.files()
    programs = {p for p in image.files() if "/bin/" in p or "/sbin/" in p}
    assert {p.rsplit("/", 1)[1] for p in programs} <= {"askcsv", "askcsv-runner"}
    for path, (member, _) in image.members.items():
        assert not member.mode & 0o6000, path  # setuid, setgid
        assert member.mtime == 0 and not member.uname
        if member.isfile():
            assert member.uid == member.gid == 0 and not member.mode & 0o022, path
    names = [m.name for layer in image.layers for m in layer.getmembers()]
    assert all("/home/" not in n and "/root/" not in n for n in names)


def test_nothing_of_the_builders_machine(image, root):
    program, = image.config["config"]["Entrypoint"]
    text = image.file(program)
    assert str(root).encode() not in text and b"/.cache/" not in text


def test_labels(image, name):
    labels = image.config["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_list_of_contents_is_whole(images, image, name):
    path = f"/usr/share/sbom/{name}.spdx.json"
    told = json.loads(image.file(path))
    assert told == json.loads((images / f"{name}.spdx.json").read_text())
    assert told["spdxVersion"] == "SPDX-2.3" and told["dataLicense"] == "CC0-1.0"
    hashes = {f["fileName"][1:]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}
              for f in told["files"]}
    own = {p for p in image.files() if p.startswith("/usr/share/sbom/")}
    assert set(hashes) == image.files() - own
    for file, sums in hashes.items():
        assert sums["SHA256"] == hashlib.sha256(image.file(file)).hexdigest(), file
    ids = [e["SPDXID"] for kind in ("packages", "files") for e in told[kind]]
    assert len(ids) == len(set(ids))
    known = {*ids, "SPDXRef-DOCUMENT"}
    for relation in told["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known
    contained = {r["relatedSpdxElement"] for r in told["relationships"]
                 if r["relationshipType"] == "CONTAINS"}
    assert set(ids) - contained == {f"SPDXRef-Package-{name}"}
    packages = {p["name"]: p["versionInfo"] for p in told["packages"]}
    assert re.fullmatch(r"1\.5\.\d+", packages["duckdb"]) and "libc6" in " ".join(packages)
    assert "unknown" not in packages.values()


@pytest.fixture(scope="module")
def filled(generated, tmp_path_factory):
    """The images with datasets in them, under a tag of their own."""
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(generated, data, dirs_exist_ok=True)
    (data / "support/tick-ets.csv").write_text("a\n1\n")
    (data / "support/tick_ets.csv").write_text("a\n1\n")
    (data / "registry.json").write_bytes((ROOT / "datasets/registry.json").read_bytes())
    out = tmp_path_factory.mktemp("filled")
    make_images(out, "--data", data, "--tag", "filled")
    return data, out


def test_with_datasets(filled, name):
    data, out = filled
    image = Image(out / f"{name}.tar")
    for file in filter(pathlib.Path.is_file, data.rglob("*")):
        path = f"/var/lib/askcsv/datasets/{file.relative_to(data)}"
        member, _ = image.members[path]
        assert image.file(path) == file.read_bytes() and member.mode == 0o644 and member.uid == 0
    assert image.json("manifest.json")[0]["RepoTags"] == [f"{name}:filled"]
    assert image.config["config"]["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    variables = image.config["config"].get("Env", [])
    registry = "ASKCSV_REGISTRY=/var/lib/askcsv/datasets/registry.json"
    assert (registry in variables) == (name == "askcsv")
    told = json.loads((out / f"{name}.spdx.json").read_text())
    ids = [f["SPDXID"] for f in told["files"]]
    assert len(ids) == len(set(ids)) and "./var/lib/askcsv/datasets/registry.json" in {f["fileName"] for f in told["files"]}
    # The home is the user's, and the data the same layer in both.
    if name == "askcsv":
        member, _ = image.members["/var/lib/askcsv"]
        assert (member.mode, member.uid) == (0o700, 65532)
    first = {n: Image(out / f"{n}.tar").manifest["layers"][0] for n in NAMES}
    assert first["askcsv"] == first["askcsv-runner"]


@pytest.mark.parametrize("make,words", [
    (lambda folder: None, "has no dataset"), (lambda folder: (folder / "a.csv").write_text("a"), "has no dataset"),
    (lambda folder: (folder / "a").symlink_to("/etc"), "is no file and no folder"), (pathlib.Path.rmdir, "no folder"),
])
def test_data_that_cannot_be_taken(build_folder, tmp_path, make, words):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    done = subprocess.run([ROOT / "tools/images", build_folder, tmp_path / "out", "--data", folder],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_filled_images_answer(docker, filled):
    docker.load(filled[1] / "askcsv.tar")
    made = docker.call("POST", "/containers/create", {
        "Image": "askcsv:filled", "Cmd": ["run", "support", "--sql", "SELECT count(*) AS n FROM tickets",
                                          "--format", "csv"],
        "Env": ["ASKCSV_HOME=/tmp/home", "ASKCSV_DATASETS=/var/lib/askcsv/datasets"],
        "HostConfig": {"NetworkMode": "none", "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}})["Id"]
    docker.call("POST", f"/containers/{made}/start")
    ended = docker.call("POST", f"/containers/{made}/wait")
    _, said = docker.ask("GET", f"/containers/{made}/logs?stdout=1&stderr=1")
    docker.call("DELETE", f"/containers/{made}")
    docker.call("DELETE", "/images/askcsv:filled")
    assert ended["StatusCode"] == 0 and b"6417" in said, said


def test_they_run(docker, name):
    """Without a network, a writable root or any right, as who runs nothing else may have it."""
    made = docker.call("POST", "/containers/create", {
        "Image": f"{name}:0.1.0", "Cmd": ["--version"],
        "HostConfig": {"NetworkMode": "none", "ReadonlyRootfs": True, "CapDrop": ["ALL"],
                       "SecurityOpt": ["no-new-privileges"]}})["Id"]
    docker.call("POST", f"/containers/{made}/start")
    ended = docker.call("POST", f"/containers/{made}/wait")
    _, said = docker.ask("GET", f"/containers/{made}/logs?stdout=1&stderr=1")
    docker.call("DELETE", f"/containers/{made}")
    assert ended["StatusCode"] == 0, said
    assert pieces(said) == f"{name} 0.1.0\n".encode()


def pieces(stream):
    """What the pieces of a container's output hold, each of which has a head of eight bytes."""
    out = b""
    while stream:
        n = int.from_bytes(stream[4:8], "big")
        out, stream = out + stream[8:8 + n], stream[8 + n:]
    return out


def test_the_server_in_its_image(docker, tmp_path):
    """With a home that only its user may write, it makes datasets and answers from its own runner."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)

    def run(*arguments):
        made = docker.call("POST", "/containers/create", {
            "Image": "askcsv:0.1.0", "Cmd": list(arguments), "HostConfig": {
                "NetworkMode": "none", "ReadonlyRootfs": True, "CapDrop": ["ALL"],
                "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
                "Mounts": [{"Type": "bind", "Source": str(home), "Target": "/var/lib/askcsv"}]}})["Id"]
        docker.call("POST", f"/containers/{made}/start")
        status = docker.call("POST", f"/containers/{made}/wait")["StatusCode"]
        out = pieces(docker.ask("GET", f"/containers/{made}/logs?stdout=1")[1])
        told = docker.ask("GET", f"/containers/{made}/logs?stderr=1")[1]
        docker.call("DELETE", f"/containers/{made}")
        assert status == 0, told
        return out

    run("datasets", "generate", "ecommerce")
    out = run("ask", "ecommerce", "How many orders are there?", "--format", "csv")
    assert out.splitlines()[1:] == [b"4018"], out


def test_a_foreign_file_is_refused(root, build_folder, tmp_path):
    other = tmp_path / "script"
    other.write_text("#!/bin/sh\n")
    done = subprocess.run([root / "tools/images", build_folder, tmp_path / "out", "--program", other,
                           "--name", "x"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "no 64-bit little-endian ELF file" in done.stderr
    done = subprocess.run([root / "tools/images", tmp_path, tmp_path / "out"], capture_output=True,
                          text=True, check=False)
    assert done.returncode != 0 and "run make build first" in done.stderr
