//go:build linux

package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

const (
	// resolveLimit bounds how long a registry may take to say what a name
	// stands for, stallLimit how long a download may bring nothing.
	resolveLimit = time.Minute
	stallLimit   = time.Minute
	// pullTries is how often a layer is asked for before the build gives up.
	pullTries = 4
)

var (
	errStalled  = errors.New("nothing came for a minute")
	errBrokeOff = errors.New("the download broke off")
)

// image is an OCI image that a base is made from.
type image struct {
	ref    name.Reference
	pinned name.Digest // of the manifest for this machine
}

// ParseImage checks the reference of an image, such as "node:24-bookworm".
func ParseImage(reference string) error {
	if _, err := name.ParseReference(reference); err != nil {
		return fmt.Errorf("%q is no reference of an image, such as node:24-bookworm", reference)
	}
	return nil
}

// pin remembers what an image's name stood for when a base was made from it,
// so that a start needs no registry, and a tag that moves changes nobody's
// sandboxes behind their back.
type pin struct {
	Image  string `json:"image"`
	Digest string `json:"digest"`
}

func pinFile(dir, reference string, m machine) string {
	return filepath.Join(dir, "image-"+hash("%q %s", reference, m.debian)+".json")
}

// readPin returns an image as it was pinned, nil when it was not.
func readPin(dir, reference string, m machine) (*image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, ParseImage(reference)
	}
	text, err := os.ReadFile(pinFile(dir, reference, m))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p pin
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, nil //nolint:nilerr // cut off by a crash: resolved anew
	}
	digest, err := name.NewDigest(ref.Context().Name() + "@" + p.Digest)
	if err != nil {
		return nil, nil //nolint:nilerr // as above
	}
	return &image{ref: ref, pinned: digest}, nil
}

// writePin pins an image whose base stands.
func writePin(dir, reference string, m machine, digest string) error {
	text, err := json.Marshal(pin{reference, digest})
	if err != nil {
		return err
	}
	return os.WriteFile(pinFile(dir, reference, m), text, 0o644)
}

// resolveImage asks the registry what a reference stands for on this machine.
func resolveImage(ctx context.Context, reference string, m machine) (*image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, ParseImage(reference)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, resolveLimit, errStalled)
	defer cancel()
	line := newLine()
	defer line.CloseIdleConnections()
	desc, err := remote.Get(ref, remoteOptions(ctx, line, m)...)
	if err != nil {
		return nil, explain(ctx, reference, err)
	}
	img, err := desc.Image()
	if err != nil {
		if desc.MediaType.IsIndex() && !isAnswer(err) {
			return nil, wrongPlatform(reference, m, platforms(desc))
		}
		return nil, explain(ctx, reference, err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, explain(ctx, reference, err)
	}
	if cfg.OS != "" && cfg.OS != "linux" || cfg.Architecture != m.debian {
		return nil, wrongPlatform(reference, m, []string{cfg.OS + "/" + cfg.Architecture})
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, explain(ctx, reference, err)
	}
	return &image{ref: ref, pinned: ref.Context().Digest(digest.String())}, nil
}

// newLine is a way to registries: through the environment's proxies, and never
// waiting for an answer for ever.
func newLine() *http.Transport {
	line := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if def, ok := remote.DefaultTransport.(*http.Transport); ok {
		line = def.Clone()
	}
	line.ResponseHeaderTimeout = stallLimit
	return line
}

// remoteOptions take credentials from where docker and podman keep them.
func remoteOptions(ctx context.Context, line http.RoundTripper, m machine) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(line), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: m.debian}),
	}
}

func isAnswer(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer)
}

func platforms(desc *remote.Descriptor) []string {
	index, err := desc.ImageIndex()
	if err != nil {
		return nil // the caller's words do without
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil
	}
	var all []string
	for _, d := range manifest.Manifests {
		if d.Platform != nil && d.Platform.OS != "unknown" {
			all = append(all, d.Platform.OS+"/"+d.Platform.Architecture)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func wrongPlatform(reference string, m machine, has []string) error {
	if len(has) == 0 {
		has = []string{"other machines"}
	}
	return fmt.Errorf("the image %s is for %s, and this machine needs linux/%s: name one that has it", reference, strings.Join(has, ", "), m.debian)
}

// explain puts a registry's answer into words that say what to do.
func explain(ctx context.Context, reference string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
		if !errors.Is(err, errStalled) {
			return err
		}
	}
	var answer *transport.Error
	var line net.Error
	switch {
	case errors.As(err, &answer):
	case errors.Is(err, unix.ENOSPC):
		return err
	case errors.Is(err, errBrokeOff):
		return fmt.Errorf("the image %s could not be had: %w: check the network", reference, err)
	case !errors.As(err, &line) && !errors.Is(err, errStalled):
		return fmt.Errorf("the image %s can't be used: %w", reference, err)
	default:
		return fmt.Errorf("the registry of the image %s does not answer: %w; check the network and the proxy variables", reference, err)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry refuses the image %s (%d): there is none of this name, or it wants credentials: log in with `docker login` or `podman login` as the user that runs the engine",
			reference, answer.StatusCode)
	case http.StatusNotFound:
		return fmt.Errorf("the registry has no image %s: check its name and tag", reference)
	case http.StatusTooManyRequests:
		return fmt.Errorf("the registry of the image %s allows no more downloads for now: wait, or log in with `docker login`", reference)
	}
	return fmt.Errorf("the registry of the image %s fails: %w", reference, err)
}

// pull downloads the image's layers into dir, checked against their digests.
func (i *image) pull(ctx context.Context, dir string, m machine, step func(string)) ([]v1.Layer, error) {
	line := newLine()
	defer line.CloseIdleConnections()
	img, err := remote.Image(i.pinned, remoteOptions(ctx, line, m)...)
	if err != nil {
		return nil, explain(ctx, i.ref.String(), err)
	}
	all, err := img.Layers()
	if err != nil {
		return nil, explain(ctx, i.ref.String(), err)
	}
	p := &progress{step: step, image: i.ref.String()}
	for _, layer := range all {
		size, err := layer.Size()
		if err != nil {
			return nil, err
		}
		p.total += size
	}
	// What is downloaded, and about four times as much unpacked.
	if err := needRoom(dir, room+5*p.total); err != nil {
		return nil, err
	}
	p.tell()
	pulled := make([]v1.Layer, 0, len(all))
	for n, layer := range all {
		if kind, err := layer.MediaType(); err != nil {
			return nil, err
		} else if !kind.IsDistributable() {
			continue // of Windows
		}
		file := filepath.Join(dir, fmt.Sprintf("layer-%d", n))
		if err := fetch(ctx, layer, file, p); err != nil {
			return nil, explain(ctx, i.ref.String(), err)
		}
		local, err := partial.CompressedToLayer(downloaded{layer, file})
		if err != nil {
			return nil, err
		}
		pulled = append(pulled, local)
	}
	return pulled, nil
}

// fetch downloads one layer, and again when it breaks off.
func fetch(ctx context.Context, layer v1.Layer, file string, p *progress) error {
	rest := 300 * time.Millisecond
	for try := 1; ; try++ {
		before := p.done
		err := fetchOnce(ctx, layer, file, p)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var answer *transport.Error
		if errors.Is(err, unix.ENOSPC) {
			return err
		}
		if try == pullTries || errors.As(err, &answer) && answer.StatusCode < 500 {
			digest, derr := layer.Digest()
			if derr != nil {
				return derr
			}
			return fmt.Errorf("%w (layer %.19s, %d tries): %w", errBrokeOff, digest, try, err)
		}
		p.done = before
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		rest *= 3
	}
}

func fetchOnce(ctx context.Context, layer v1.Layer, file string, p *progress) error {
	from, err := layer.Compressed() // checks size and digest at its end
	if err != nil {
		return err
	}
	// A line that went dead ends the read by closing under it.
	stalled := make(chan struct{})
	watch := time.AfterFunc(stallLimit, func() { close(stalled); _ = from.Close() })
	defer watch.Stop()
	stop := context.AfterFunc(ctx, func() { _ = from.Close() })
	defer stop()
	to, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, from.Close())
	}
	_, err = io.Copy(to, &metered{from, func(n int) { watch.Reset(stallLimit); p.add(n) }})
	select {
	case <-stalled:
		err = errStalled
	default:
	}
	return errors.Join(err, to.Close(), from.Close())
}

type metered struct {
	io.Reader
	read func(n int)
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.read(n)
	return n, err
}

// progress tells of a download, at every tenth of it.
type progress struct {
	step        func(string)
	image       string
	done, total int64 // bytes
	told        int64 // tenths
}

func (p *progress) add(n int) {
	p.done += int64(n)
	if tenth := p.done * 10 / max(p.total, 1); tenth > p.told {
		p.told = tenth
		p.tell()
	}
}

func (p *progress) tell() {
	p.step(fmt.Sprintf("Download the image %s (%d of %d MB)", p.image, p.done/1e6, (p.total+1e6-1)/1e6))
}

// downloaded is a layer whose compressed bytes are in a file.
type downloaded struct {
	v1.Layer
	file string
}

// Compressed implements partial.CompressedLayer.
func (d downloaded) Compressed() (io.ReadCloser, error) { return os.Open(d.file) }

// MediaType implements partial.CompressedLayer.
func (d downloaded) MediaType() (types.MediaType, error) { return d.Layer.MediaType() }

// unpackImage makes the root file system from the image.
func (b *builder) unpackImage(ctx context.Context, root string) error {
	pulled, err := b.image.pull(ctx, b.tmp, b.machine, b.step)
	if err != nil {
		return err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	l := &layers{tree: t, left: imageLimits}
	for n, layer := range pulled {
		b.step(fmt.Sprintf("Unpack the image (layer %d of %d)", n+1, len(pulled)))
		if err := l.applyFrom(ctx, layer); err != nil {
			return fmt.Errorf("image %s: %w", b.image.ref, err)
		}
	}
	archives, err := filepath.Glob(filepath.Join(b.tmp, "layer-*"))
	for _, file := range archives {
		err = errors.Join(err, os.Remove(file)) // the rest needs the room
	}
	return err
}

func (l *layers) applyFrom(ctx context.Context, layer v1.Layer) (err error) {
	r, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return l.apply(ctx, r)
}
