"""A standard peer that is neither aiortc nor a browser: GStreamer's webrtcbin, publishing by WHIP or viewing by WHEP.

Runs under Debian's Python (python3-gi), alone: `gst_peer.py whip|whep URL TOKEN CODEC`. The offer goes out before any
address is known; addresses follow by PATCH. Tells what happened as JSON lines; ends when its input ends.
"""

import json
import os
import sys
import threading
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402  # versions first

CAPS = "application/x-rtp,media=video,encoding-name={codec},clock-rate=90000,payload=96"
ENCODERS = {
    "VP8": "vp8enc deadline=1 target-bitrate=300000 keyframe-max-dist=3000 ! rtpvp8pay",
    "H264": "openh264enc bitrate=300000 gop-size=3000 ! video/x-h264,profile=constrained-baseline ! "
    "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
}
MORE_CAPS = {"VP8": "", "H264": ",packetization-mode=(string)1"}  # before the first picture nothing else tells it
DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! openh264dec"}
CAMERA = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1"


def tell(**facts):
    """One whole line by one write: GStreamer's threads tell at the same time."""
    os.write(sys.stdout.fileno(), json.dumps(facts).encode() + b"\n")


class Peer:
    def __init__(self, way, url, token, codec):
        self.way, self.url, self.token, self.codec = way, url, token, codec
        self.session = self.etag = None
        self.found, self.frames, self.lock = [], 0, threading.Lock()
        self.bin = Gst.ElementFactory.make("webrtcbin", "peer")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipe = Gst.Pipeline()
        self.pipe.add(self.bin)
        self.ice = self.bin.get_property("ice-agent")  # kept: it floats, and Python's reference is its only owner
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        self.bin.connect("on-ice-candidate", self.candidate)
        self.bin.connect("notify::connection-state", self.state)
        self.bin.connect("pad-added", self.incoming)
        self.bin.connect("on-negotiation-needed", self.negotiate)
        caps = CAPS.format(codec=codec) + MORE_CAPS[codec]
        if way == "whip":
            camera = Gst.parse_bin_from_description(f"{CAMERA} ! {ENCODERS[codec]} ! capsfilter caps={caps}", True)
            self.pipe.add(camera)
            camera.link(self.bin)
        else:
            caps = Gst.Caps.from_string(caps)
            self.bin.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
        self.pipe.set_state(Gst.State.PLAYING)

    def state(self, *_):
        tell(state=self.bin.get_property("connection-state").value_nick)

    def negotiate(self, _):
        self.bin.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise):
        reply = promise.get_reply()  # owns the offer
        offer = reply.get_value("offer")
        self.bin.emit("set-local-description", offer, Gst.Promise.new())
        threading.Thread(target=self.exchange, args=(offer.sdp.as_text(),), daemon=True).start()

    def ask(self, method, url, body, kind, **headers):
        headers |= {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        asked = urllib.request.Request(url, body.encode(), headers, method=method)
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=20)

    def exchange(self, sdp):
        answer = self.ask("POST", self.url, sdp, "application/sdp")
        with self.lock:
            self.session = urllib.parse.urljoin(self.url, answer.headers["Location"])
            self.etag = answer.headers["ETag"]
        _, parsed = GstSdp.SDPMessage.new_from_text(answer.read().decode())
        said = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, parsed)
        self.bin.emit("set-remote-description", said, Gst.Promise.new())
        tell(status=answer.status)
        self.trickle()

    def candidate(self, _, mline, candidate):
        with self.lock:
            self.found.append(candidate)
        self.trickle()

    def trickle(self):
        with self.lock:
            told, self.found = (self.found, []) if self.session else ([], self.found)
        if told:
            body = "".join(["m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:video0\r\n", *(f"a={one}\r\n" for one in told)])
            kind = "application/trickle-ice-sdpfrag"
            tell(patched=self.ask("PATCH", self.session, body, kind, **{"If-Match": self.etag}).status)

    def incoming(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        sink = Gst.parse_bin_from_description(f"{DECODERS[self.codec]} ! fakesink name=shown sync=false", True)
        sink.get_by_name("shown").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.shown)
        self.pipe.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def shown(self, *_):
        self.frames += 1
        tell(frames=self.frames)
        return Gst.PadProbeReturn.OK


if __name__ == "__main__":
    Gst.init(None)
    peer = Peer(*sys.argv[1:5])
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()
    if peer.session:
        tell(deleted=peer.ask("DELETE", peer.session, "", "text/plain").status)
