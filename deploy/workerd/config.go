package workerd

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"surgent.dev/surgent/deploy"
)

// The ports inside a box.
const (
	appPort    = 8080
	healthPort = 8081
)

// cfHeader carries request.cf from us to the runtime, which takes it off.
const cfHeader = "Surgent-Cf"

// healthWorker is a second worker of each process. It has nothing to do, so
// when it does not answer, the event loop that all share stands still.
const healthWorker = `export default { fetch() { return new Response(null, { status: 204 }) } }`

// heapMegabytes is where V8 gives up, well before the box's memory does.
const heapMegabytes = 128

// addresses are where the program finds what we listen on for it.
type addresses struct{ assets, egress string }

// writeConfig writes the runtime's configuration for m into dir. What an app's
// author wrote goes into files of its own with names of ours, never into the
// configuration's text, but for names that were checked, which are quoted.
func writeConfig(dir string, m *manifest, read func(hash string) ([]byte, error), at addresses) error {
	files := 0
	embed := func(content []byte) (string, error) {
		name := "f" + strconv.Itoa(files)
		files++
		return "embed " + quote(name), writeReadable(filepath.Join(dir, name), content)
	}
	var modules, bindings []string
	for _, module := range m.Modules {
		content, err := read(module.Hash)
		if err != nil {
			return fmt.Errorf("read module %s: %w", module.Name, err)
		}
		kind, ok := moduleKinds[module.Type]
		if !ok {
			return fmt.Errorf("module %s has the unknown type %q", module.Name, module.Type)
		}
		ref, err := embed(content)
		if err != nil {
			return err
		}
		modules = append(modules, fmt.Sprintf("(name = %s, %s = %s)", quote(module.Name), kind, ref))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Vars)) {
		ref, err := embed([]byte(m.Vars[name]))
		if err != nil {
			return err
		}
		bindings = append(bindings, fmt.Sprintf("(name = %s, text = %s)", quote(name), ref))
	}
	for _, name := range slices.Sorted(maps.Keys(m.JSONVars)) {
		ref, err := embed(m.JSONVars[name])
		if err != nil {
			return err
		}
		bindings = append(bindings, fmt.Sprintf("(name = %s, json = %s)", quote(name), ref))
	}
	if name := m.AssetsConfig.Binding; name != "" {
		bindings = append(bindings, fmt.Sprintf(`(name = %s, service = "assets")`, quote(name)))
	}
	health, err := embed([]byte(healthWorker))
	if err != nil {
		return err
	}
	flags := make([]string, len(m.CompatibilityFlags))
	for i, flag := range m.CompatibilityFlags {
		flags[i] = quote(flag)
	}
	text := fmt.Sprintf(`using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "app", worker = (
      modules = [%s],
      compatibilityDate = %s,
      compatibilityFlags = [%s],
      bindings = [%s],
      globalOutbound = "egress",
    )),
    (name = "health", worker = (
      modules = [(name = "health", esModule = %s)],
      compatibilityDate = %s,
      globalOutbound = "egress",
    )),
    (name = "assets", external = (address = %s, http = ())),
    (name = "egress", external = (address = %s, http = (style = proxy))),
  ],
  sockets = [
    (name = "app", address = "*:%d", service = "app",
      http = (forwardedProtoHeader = "X-Forwarded-Proto", cfBlobHeader = %s)),
    (name = "health", address = "*:%d", service = "health", http = ()),
  ],
  v8Flags = ["--max-old-space-size=%d"],
);
`, strings.Join(modules, ", "), quote(m.CompatibilityDate), strings.Join(flags, ", "), strings.Join(bindings, ", "),
		health, quote(deploy.OwnDate), quote(at.assets), quote(at.egress), appPort, quote(cfHeader), healthPort, heapMegabytes)
	return writeReadable(filepath.Join(dir, "config.capnp"), []byte(text))
}

var moduleKinds = map[deploy.ModuleType]string{
	deploy.ESModule: "esModule", deploy.Wasm: "wasm", deploy.Text: "text", deploy.Data: "data",
}

// quote writes a Cap'n Proto string. Everything but plain ASCII is escaped, so
// that no name, checked or not, can end the string early.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeReadable writes a file that the box's user may read. The folder above
// is closed to other users of the host.
func writeReadable(path string, content []byte) error {
	return os.WriteFile(path, content, 0o644)
}
