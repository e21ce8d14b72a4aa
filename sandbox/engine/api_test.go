//go:build linux

package engine_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// apiFailure is the body of every error of the control API.
type apiFailure struct {
	Path, Timestamp, Error, Message string
	StatusCode                      int
}

func TestErrorsHaveDaytonasShape(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"name": "errors"})
	for _, tc := range []struct {
		name, method, path string
		body               any
		headers            []string
		status             int
		says               string
	}{
		{name: "no key", method: "GET", path: "/api/sandbox", headers: []string{"Authorization", ""}, status: 401},
		{name: "wrong key", method: "GET", path: "/api/sandbox", headers: []string{"Authorization", "Bearer x"}, status: 401},
		{name: "wrong key for a toolbox", method: "GET", path: "/toolbox/errors/version", headers: []string{"Authorization", "Bearer x"}, status: 401},
		{name: "no such sandbox", method: "GET", path: "/api/sandbox/none", status: 404, says: "none"},
		{name: "no such toolbox", method: "GET", path: "/toolbox/none/version", status: 404},
		{name: "no such route", method: "GET", path: "/api/nonsense", status: 404},
		{name: "outside the API", method: "GET", path: "/", status: 404},
		{name: "bad JSON", method: "POST", path: "/api/sandbox", body: "text", status: 400},
		{name: "huge body", method: "POST", path: "/api/sandbox", body: map[string]string{"name": strings.Repeat("x", 2<<20)}, status: 413},
		{name: "name in use", method: "POST", path: "/api/sandbox", body: map[string]any{"name": "errors"}, status: 409, says: "errors"},
		{name: "id as name", method: "POST", path: "/api/sandbox", body: map[string]any{"name": box.ID}, status: 409},
		{name: "unknown snapshot", method: "POST", path: "/api/sandbox", body: map[string]any{"snapshot": "nope:1"}, status: 400, says: "nope:1"},
		{name: "snapshot and build", method: "POST", path: "/api/sandbox", body: map[string]any{"snapshot": "a", "buildInfo": map[string]string{}}, status: 400},
		{name: "build", method: "POST", path: "/api/sandbox", body: map[string]any{"buildInfo": map[string]string{"dockerfileContent": "FROM x"}}, status: 400, says: "default-env:1.0.0"},
		{name: "snapshot and resources", method: "POST", path: "/api/sandbox", body: map[string]any{"snapshot": "default-env:1.0.0", "cpu": 1}, status: 400},
		{name: "too much", method: "POST", path: "/api/sandbox", body: map[string]any{"cpu": 999}, status: 400},
		{name: "volumes", method: "POST", path: "/api/sandbox", body: map[string]any{"volumes": []any{map[string]string{"volumeId": "v"}}}, status: 400, says: "volumes"},
		{name: "a list of networks", method: "POST", path: "/api/sandbox", body: map[string]any{"networkAllowList": "1.1.1.1/32"}, status: 400, says: "networkAllowList"},
		{name: "another user", method: "POST", path: "/api/sandbox", body: map[string]any{"user": "root"}, status: 400, says: "user"},
		{name: "bad variable", method: "POST", path: "/api/sandbox", body: map[string]any{"env": map[string]string{"A=B": ""}}, status: 400, says: "A=B"},
		{name: "bad interval", method: "POST", path: "/api/sandbox/errors/autostop/-1", status: 400},
		{name: "no interval", method: "POST", path: "/api/sandbox/errors/autostop/x", status: 400},
		{name: "port 0", method: "GET", path: "/api/sandbox/errors/ports/0/preview-url", status: 400},
		{name: "port 70000", method: "GET", path: "/api/sandbox/errors/ports/70000/preview-url", status: 400},
		{name: "snapshot without a name", method: "POST", path: "/api/sandbox/errors/snapshot", body: map[string]any{"live": true}, status: 400},
		{name: "no such snapshot", method: "GET", path: "/api/snapshots/nope", status: 404},
		{name: "the base stays", method: "DELETE", path: "/api/snapshots/default-env:1.0.0", status: 403},
		{name: "the base is there", method: "POST", path: "/api/snapshots", body: map[string]any{"name": "default-env:1.0.0"}, status: 409},
		{name: "nothing to activate", method: "POST", path: "/api/snapshots/nope/activate", status: 404},
		{name: "no images", method: "POST", path: "/api/snapshots", body: map[string]any{"name": "x", "imageName": "debian:12"}, status: 400, says: "debian:12"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, text := (&client{t: t, base: c.base}).send(tc.method, tc.path, tc.body, tc.headers...)
			var f apiFailure
			if err := json.Unmarshal(text, &f); err != nil {
				t.Fatalf("%d %s: %v", status, text, err)
			}
			if status != tc.status || f.StatusCode != tc.status || f.Message == "" || f.Timestamp == "" || !strings.Contains(f.Message, tc.says) {
				t.Errorf("status %d, body %s; want %d saying %q", status, text, tc.status, tc.says)
			}
		})
	}
}

func TestActivatingTheBaseAnswersIt(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	status, text := c.send("POST", "/api/snapshots/default-env:1.0.0/activate", nil)
	var snapshot struct{ Name, State string }
	if err := json.Unmarshal(text, &snapshot); err != nil {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	if status != 200 || snapshot.Name != "default-env:1.0.0" || snapshot.State != "active" {
		t.Errorf("status %d, body %s", status, text)
	}
}

func TestListsFollowTheSDKsVersion(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	label := fmt.Sprint(t.Name())
	var want []string
	for i := range 3 {
		want = append(want, c.create(map[string]any{"labels": map[string]string{"list": label, "n": fmt.Sprint(i)}}).ID)
	}
	labels := url.QueryEscape(`{"list":"` + label + `"}`)

	_, text := c.send("GET", "/api/sandbox?labels="+labels, nil, "X-Daytona-SDK-Version", "0.25.5")
	var old []info
	if err := json.Unmarshal(text, &old); err != nil || len(old) != 3 {
		t.Errorf("old SDKs get %s", text)
	}
	var got []string
	cursor := ""
	for range 5 {
		_, text := c.send("GET", "/api/sandbox?limit=1&labels="+labels+"&cursor="+url.QueryEscape(cursor), nil, "X-Daytona-SDK-Version", "0.218.0")
		var page struct {
			Items      []map[string]any
			NextCursor *string
		}
		if err := json.Unmarshal(text, &page); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, item := range page.Items {
			got = append(got, item["id"].(string))
			if _, has := item["env"]; has {
				t.Error("items of a list have no env")
			}
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("pages give %v, want %v", got, want)
	}
	_, text = c.send("GET", "/api/sandbox?labels="+url.QueryEscape(`{"list":"`+label+`","n":"1"}`), nil)
	if !strings.Contains(string(text), want[1]) || strings.Contains(string(text), want[0]) {
		t.Errorf("filtered by two labels: %s", text)
	}
}

func TestSettingsOfASandbox(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"name": "with settings", "labels": map[string]string{"old": "1"}})
	path := "/api/sandbox/" + url.PathEscape("with settings")
	c.call("POST", path+"/autostop/7", nil, nil)
	c.call("PUT", path+"/labels", map[string]any{"labels": map[string]string{"new": "2"}}, nil)
	got := c.get(box.ID)
	if got.AutoStopInterval != 7 || got.Labels["new"] != "2" || got.Labels["old"] != "" || got.Name != "with settings" {
		t.Errorf("sandbox is %+v", got)
	}
	if got.Env == nil || got.ToolboxProxyURL != c.base+"/toolbox" {
		t.Errorf("detail lacks env or toolbox URL: %+v", got)
	}
	if status, _ := c.send("POST", path+"/last-activity", nil); status != 201 {
		t.Errorf("last-activity: %d", status)
	}
	c.must(box.ID, "echo x >f")
	c.call("POST", path+"/backup", nil, nil)
	if s := c.get(box.ID).BackupState; s != "Completed" {
		t.Errorf("backup state is %s", s)
	}
	// The older form of toolbox paths, with an encoded slash in an argument.
	if status, text := c.send("GET", "/api/toolbox/"+box.ID+"/toolbox/files/download?path=%2Fworkspace%2Ff", nil); status != 200 || string(text) != "x\n" {
		t.Errorf("download: %d %q", status, text)
	}
}
