package workerd_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/workerd"
)

// reacher is a worker that tries to reach an address in every way that the
// runtime has, and tells what came back.
const reacher = `
import { connect } from "cloudflare:sockets";
import net from "node:net";
import http from "node:http";

const hello = "GET /raw HTTP/1.0\r\n\r\n";
const parts = (to) => { const u = new URL(to); return [u.hostname.replace(/[\[\]]/g, ""), Number(u.port || 80)] };
const ways = {
	async fetch(to) { const res = await fetch(to); return res.status + " " + await res.text() },
	async secure(to) { const res = await fetch(to.replace("http:", "https:")); return res.status + " " + await res.text() },
	async manual(to) { const res = await fetch(to, { redirect: "manual", headers: { host: "elsewhere.example" } }); return res.status + " " + await res.text() },
	async socket(to) {
		const s = connect(new URL(to).host);
		await s.opened;
		await s.writable.getWriter().write(new TextEncoder().encode(hello));
		return await new Response(s.readable).text();
	},
	net: (to) => new Promise((ok, no) => {
		const [host, port] = parts(to);
		let text = "";
		const s = net.connect(port, host, () => s.write(hello));
		s.on("data", (d) => text += d).on("error", no).on("close", () => ok(text));
	}),
	http: (to) => new Promise((ok, no) => {
		http.get(to, (res) => { let text = res.statusCode + " "; res.on("data", (d) => text += d).on("end", () => ok(text)) }).on("error", no);
	}),
	websocket: (to) => new Promise((ok, no) => {
		const s = new WebSocket(to.replace("http:", "ws:"));
		s.addEventListener("open", () => ok("open"));
		s.addEventListener("error", (e) => no(e.message));
		s.addEventListener("close", () => no("closed"));
	}),
	async binding(to, env) { const res = await env.ASSETS.fetch(to); return res.status + " " + await res.text() },
};
export default { async fetch(r, env) {
	const { searchParams: q } = new URL(r.url);
	if (!q.get("how")) return new Response("fine");
	try { return new Response(await ways[q.get("how")](q.get("to"), env)) } catch (e) { return new Response("failed: " + e, { status: 418 }) }
} }`

func reach(b *bench, how, to string) string {
	b.t.Helper()
	_, body := b.get("by-"+how, "/?how="+how+"&to="+url.QueryEscape(to))
	return body
}

var ways = []string{"fetch", "secure", "manual", "socket", "net", "http", "websocket", "binding"}

// publishReachers makes an app for each way: one alone may not ask that often.
func publishReachers(b *bench) {
	b.t.Helper()
	for _, how := range ways {
		rel := deploytest.App("r1", "by-"+how, reacher, map[string]string{"/raw": "a file"})
		rel.CompatibilityFlags = []string{"nodejs_compat"}
		rel.AssetsConfig = deploy.AssetsConfig{Binding: "ASSETS"}
		b.publish(rel)
	}
}

// listenOn serves on an address of this machine and counts who comes.
func listenOn(t *testing.T, address string, answer http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		answer(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return server, &visits
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }
}

// A hostile worker reaches nothing of this machine or its networks, whatever it
// calls it and whichever way it takes.
func TestNothingPrivateIsReached(t *testing.T) {
	t.Parallel()
	secret, visits := listenOn(t, "127.0.0.1:0", says("SECRET"))
	port := secret.Listener.Addr().(*net.TCPAddr).Port
	names := map[string]string{
		"loop.example": "127.0.0.1", "loop6.example": "::1", "mapped.example": "::ffff:127.0.0.1", "inner.example": "10.0.0.1",
		"metadata.example": "169.254.169.254", "any.example": "0.0.0.0", "nat64.example": "64:ff9b::7f00:1", "localhost": "127.0.0.1",
	}
	b := setup(t, func(c *workerd.Config) {
		c.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			if ip, err := netip.ParseAddr(host); err == nil {
				return []netip.Addr{ip}, nil
			}
			if text, ok := names[strings.TrimSuffix(host, ".")]; ok {
				return []netip.Addr{netip.MustParseAddr(text)}, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
	})
	publishReachers(b)
	hosts := []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "017700000001", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"10.0.0.1", "192.168.0.1", "172.16.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "168.63.129.16", "100.64.0.1", "192.0.2.1",
		"localhost.", "by-fetch.localhost", "other-app.localhost",
	}
	for name := range names {
		hosts = append(hosts, name)
	}
	for _, host := range hosts {
		for _, how := range ways {
			if how == "binding" {
				continue
			}
			// Sockets fail; what speaks HTTP is told.
			got := reach(b, how, fmt.Sprintf("http://%s:%d/", host, port))
			if !strings.HasPrefix(got, "failed: ") && !strings.HasPrefix(got, "403 Apps ") {
				t.Errorf("%s by %s: %q", host, how, got)
			}
		}
	}
	// The binding is no way around: it serves the app's files, whatever the host.
	if got := reach(b, "binding", fmt.Sprintf("http://127.0.0.1:%d/raw", port)); got != "200 a file" {
		t.Errorf("the binding gives %q", got)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the secret was visited %d times", n)
	}
	// It says why.
	if got := reach(b, "fetch", "http://10.0.0.1/"); got != "403 Apps reach public addresses only." {
		t.Errorf("a private address: %q", got)
	}
	if got := reach(b, "fetch", "http://by-http.localhost:3210/"); !strings.HasPrefix(got, "403 Apps don't call themselves or each other") {
		t.Errorf("its own address: %q", got)
	}
	if got := reach(b, "fetch", "http://nowhere.example/"); got != "502 The other server cannot be reached." {
		t.Errorf("an unknown name: %q", got)
	}
	if status, body := b.get("by-fetch", "/"); status != http.StatusOK || body != "fine" {
		t.Errorf("afterwards: %d %q", status, body)
	}
}

// A name that changes its mind, and a public server that sends on to a private
// one, lead nowhere: what was judged is what is dialed.
func TestNamesAreJudgedWhenDialed(t *testing.T) {
	t.Parallel()
	// 127.0.0.2 plays the public server, on the same port as the secret.
	var secretURL atomic.Value
	world, seen := listenOn(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, secretURL.Load().(string), http.StatusTemporaryRedirect)
		default:
			w.Header().Set("Connection", "close") // so that each request dials anew
			_, _ = fmt.Fprintf(w, "world %s %s", r.Method, r.URL)
		}
	})
	port := world.Listener.Addr().(*net.TCPAddr).Port
	secret, visits := listenOn(t, "127.0.0.1:"+strconv.Itoa(port), says("SECRET"))
	secretURL.Store(secret.URL)
	public, private := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	var asked atomic.Int32
	b := setup(t, func(c *workerd.Config) {
		c.Allow = func(to netip.AddrPort) bool { return to.Addr() == public }
		c.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			switch host {
			case "both.example":
				return []netip.Addr{private, public}, nil
			case "rebind.example":
				if asked.Add(1)%2 == 1 {
					return []netip.Addr{public}, nil
				}
				return []netip.Addr{private}, nil
			}
			ip, err := netip.ParseAddr(host)
			return []netip.Addr{ip}, err
		}
	})
	publishReachers(b)
	at := func(host string) string { return "http://" + host + ":" + strconv.Itoa(port) }
	for how, want := range map[string]string{"fetch": "200 world GET /a?b=c", "manual": "200 world GET /a?b=c", "http": "200 world GET /a?b=c"} {
		if got := reach(b, how, at("both.example")+"/a?b=c"); got != want {
			t.Errorf("%s: %q, want %q", how, got, want)
		}
	}
	for _, how := range []string{"socket", "net"} {
		if got := reach(b, how, at("127.0.0.2")); !strings.Contains(got, "world GET /raw") {
			t.Errorf("%s: %q", how, got)
		}
	}
	for n := range 6 {
		got := reach(b, "fetch", at("rebind.example"))
		if n%2 == 0 && got != "200 world GET /" || n%2 == 1 && got != "403 Apps reach public addresses only." {
			t.Errorf("rebinding, request %d: %q", n, got)
		}
	}
	if got := reach(b, "fetch", at("127.0.0.2")+"/away"); got != "403 Apps reach public addresses only." {
		t.Errorf("a redirect: %q", got)
	}
	if seen.Load() == 0 || visits.Load() != 0 {
		t.Errorf("%d visits to the world, %d to the secret", seen.Load(), visits.Load())
	}
}
