package deployments

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// collect brings the build's output to the server in one archive and makes a
// release of it. Nothing in it is trusted.
func (j *job) collect(tb sandbox.Toolbox, workDir string) (*deploy.Release, error) {
	archive := "/tmp/deploy-" + string(j.d.ID) + ".tar"
	res, err := tb.Execute(j.work, sandbox.ExecRequest{Command: release.PackCommand(archive), Dir: workDir, Timeout: packLimit})
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The build's files couldn't be packed.")
	}
	if res.ExitCode != 0 {
		return nil, errs.New(errs.Invalid, "The build's files couldn't be packed: %s", strings.TrimSpace(res.Output))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.work), 10*time.Second)
		defer cancel()
		_ = tb.DeleteFile(ctx, archive, false) // best effort: /tmp goes with the sandbox
	}()
	body, err := tb.Download(j.work, archive)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The build's files couldn't be fetched.")
	}
	defer func() { _ = body.Close() }() // only read from
	collected, err := release.Collect(j.work, io.LimitReader(body, archiveBytes), j.Blobs, release.Limits{})
	if err != nil {
		return nil, fmt.Errorf("collect build: %w", err)
	}
	rel, warnings, err := release.New(collected, release.Options{
		ID: string(j.d.ID), ProjectID: string(j.d.ProjectID), Name: j.d.Name,
		DefaultDate: j.ctx.Now().UTC().Format(time.DateOnly),
	})
	if err != nil {
		return nil, fmt.Errorf("make release: %w", err)
	}
	j.say(fmt.Sprintf("Collected %d files, %.1f kB.", len(collected.Files), float64(collected.Bytes)/1000))
	for _, w := range warnings {
		j.say(w)
	}
	return rel, nil
}

func (j *job) publish(rel *deploy.Release) (string, error) {
	ctx, cancel := context.WithTimeout(j.work, publishLimit)
	defer cancel()
	verifying := false
	verify := func() error {
		if verifying {
			return nil
		}
		verifying = true
		return j.enter(Uploading, stageVerifying, stepVerify)
	}
	published, err := j.Target.Publish(ctx, rel, func(stage deploy.Stage, line string) {
		j.say(line)
		if stage == deploy.Verifying && verify() != nil {
			cancel() // lost: what is live stays live
		}
	})
	if err != nil {
		return "", err
	}
	for _, w := range published.Warnings {
		j.say(w)
	}
	// Files alone need no look: what was stored is what is served.
	if err := verify(); err != nil {
		return "", err
	}
	j.say("Live at " + published.URL)
	return published.URL, nil
}
