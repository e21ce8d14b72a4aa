package workerd_test

import (
	"net/http"
	"strings"
	"testing"

	"surgent.dev/surgent/deploy/deploytest"
)

// What an app writes and throws can be read, also after its process has gone.
func TestLogOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.target.Log("some-app"); got != "" {
		t.Errorf("an app that is not there wrote %q", got)
	}
	b.publish(deploytest.App("r1", "some-app", `console.log("at start");
		export default { fetch(r) {
			console.log("asked for", new URL(r.url).pathname, { n: 1 });
			if (r.url.endsWith("/throw")) throw new TypeError("kaboom");
			return new Response("fine") } }`, nil))
	if status, _ := b.get("some-app", "/throw"); status != http.StatusInternalServerError {
		t.Errorf("an exception gives %d", status)
	}
	const want = "at start\nasked for / { n: 1 }\nasked for /throw { n: 1 }\nUncaught TypeError: kaboom\n"
	eventually(t, "the exception is written", func() bool { return b.target.Log("some-app") == want })
	_, running := b.boxes.started()
	if err := running[0].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log says that it ended", func() bool {
		log := b.target.Log("some-app")
		return strings.HasPrefix(log, want+"[") && strings.Contains(log, "] The process ended by itself.")
	})
	if status, _ := b.get("some-app", "/again"); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
	eventually(t, "the next process writes behind it", func() bool {
		return strings.HasSuffix(b.target.Log("some-app"), "\nat start\nasked for /again { n: 1 }\n")
	})
	// A release that is refused leaves no trace here: its words go to whoever
	// published it.
	_, err := b.target.Publish(t.Context(), deploytest.App("r2", "some-app", `throw new Error("not mine")`, nil), nil)
	if err == nil || !strings.Contains(err.Error(), "not mine") || strings.Contains(b.target.Log("some-app"), "not mine") {
		t.Errorf("%v, and the log is %s", err, b.target.Log("some-app"))
	}
	if err := b.target.Remove(t.Context(), "some-app"); err != nil {
		t.Fatal(err)
	}
	b.publish(deploytest.App("r3", "some-app", "", map[string]string{"/a": "b"}))
	if got := b.target.Log("some-app"); got != "" {
		t.Errorf("the next of that name wrote %q", got)
	}
}

// An app that writes without end fills neither the memory nor the log.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		for (let n = 0; n < 3000; n++) console.log(n, "x".repeat(100), "\u0000\u001b[31m");
		return new Response("fine") } }`, nil))
	b.get("some-app", "/")
	eventually(t, "it has written", func() bool { return strings.Contains(b.target.Log("some-app"), "2999 x") })
	if n := len(b.target.Log("some-app")); n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}
