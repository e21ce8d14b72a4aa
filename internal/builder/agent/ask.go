package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/model"
)

// maxRaw is the longest answer, in bytes, that stays in its step's document.
// Longer ones are files, and so are their calls' inputs.
const maxRaw = 512 << 10

// ask gets the next answer of the model into the journal, over as many
// attempts as it takes. It returns how the run ended when there is no answer.
func (t *task) ask() (*outcome, error) {
	t.touch()
	n := t.cur.Run.Step + 1
	if last := lastStep(t.cur.Steps); last != nil && last.Status != StepDone {
		n = last.N // an attempt before a crash was not the end of this step
	}
	info := t.describe()
	for attempt := 1; ; attempt++ {
		req, err := t.request(info)
		if err != nil {
			return nil, err
		}
		var id StepID
		if err := t.mutate(t.ctx, "agent:stepStarted", stepStartedArgs{t.fence, t.cur.Run.ID, n, attempt}, &id); err != nil {
			return nil, err
		}
		t.cur.Run.Step = n
		t.Moment("asked")
		got := t.listen(req)
		if got.done != nil {
			return nil, t.answered(id, n, got, StepDone)
		}
		if cause := context.Cause(t.ctx); cause != nil {
			return nil, cause
		}
		if errors.Is(context.Cause(t.live), errStopped) {
			got.done = got.partial(t.cur.Run.Model)
			if err := t.answered(id, n, got, StepStopped); err != nil {
				return nil, err
			}
			return nil, errStopped
		}
		again, end, err := t.failed(id, attempt, got)
		if err != nil || end != nil {
			return end, err
		}
		if err := clock.Sleep(t.live, again); err != nil {
			return nil, err
		}
	}
}

func lastStep(all []Step) *Step {
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

func (t *task) describe() model.Info {
	if d, ok := t.Model.(interface{ Describe(id string) model.Info }); ok {
		return d.Describe(t.cur.Run.Model)
	}
	return t.Model.Info()
}

// request builds the conversation from the journal.
func (t *task) request(info model.Info) (model.Request, error) {
	h, err := build(t.entries, t.cur.Run.Model, t.content)
	if err != nil {
		return model.Request{}, err
	}
	h.trim(t.trimmed)
	if info.ContextWindow > 0 && float64(h.tokens(t.system, t.set.Specs())) > trimAtWindowPart*float64(info.ContextWindow) {
		t.trimmed = len(h.results) - keepResults
		h.trim(t.trimmed)
	}
	return model.Request{
		Model: t.cur.Run.Model, System: t.system, Messages: h.messages, Tools: t.set.Specs(),
		UserID: string(t.fence.ProjectID),
	}, nil
}

// heard is what came of one attempt.
type heard struct {
	done  *model.Done
	start model.Start
	texts []string // of the blocks so far, "" for those that are no text
	took  []time.Duration
	bytes int // of all deltas
	err   error
}

// listen sends a request and shows the answer while it comes.
func (t *task) listen(req model.Request) heard {
	var h heard
	show := &live{hub: t.Streams, key: streamKey(t.cur.Run.ID), redact: t.redact, now: t.Now}
	defer show.end()
	kinds, began := []string{}, t.Now()
	for ev, err := range t.Model.Stream(t.live, req) {
		if err != nil {
			h.err = err
			return h
		}
		switch e := ev.(type) {
		case model.Start:
			h.start = e
		case model.BlockStart:
			kinds, h.texts, h.took = append(kinds, e.Type), append(h.texts, ""), append(h.took, 0)
			began = t.Now()
		case model.Delta:
			h.bytes += len(e.Text)
			if e.Index < len(kinds) && kinds[e.Index] == "text" {
				h.texts[e.Index] += e.Text
			}
			t.Moment("delta")
		case model.BlockStop:
			if e.Index < len(h.took) {
				h.took[e.Index] = t.Now().Sub(began)
			}
		case model.Done:
			h.done = &e
			return h
		}
		show.take(ev)
	}
	h.err = model.ErrIncomplete
	return h
}

// usage estimates what an attempt without an end has cost: its input is
// billed, and what was sent of its answer.
func (h heard) usage() model.Usage {
	u := h.start.Usage
	u.OutputTokens = max(u.OutputTokens, int64(float64(h.bytes)/bytesPerToken))
	return u
}

// partial is the text of an answer that the person cut off.
func (h heard) partial(name string) *model.Done {
	d := &model.Done{Message: model.Message{Role: model.Assistant}, MessageID: h.start.MessageID, Model: name, Usage: h.usage()}
	for _, text := range h.texts {
		if text = strings.TrimRight(text, " \n\t\r"); text != "" {
			d.Message.Content = append(d.Message.Content, textBlock(text))
		}
	}
	return d
}

// spent prices a usage.
func (t *task) spent(u model.Usage) Spent {
	s := Spent{
		InputTokens: u.InputTokens, OutputTokens: u.OutputTokens,
		CacheReadInputTokens: u.CacheReadInputTokens, CacheCreationInputTokens: u.CacheCreationInputTokens,
	}
	if p := t.describe().Price; p != nil {
		cost := p.Cost(u)
		s.CostUSD = &cost
	}
	return s
}

// answered journals an answer with its row and its calls.
func (t *task) answered(id StepID, n int, got heard, status StepStatus) error {
	d := got.done
	if d.StopReason == model.MaxTokens {
		d.Message.Content = withoutCutCall(d.Message.Content)
	}
	blocks, err := t.distinct(d.Message.Content, n)
	if err != nil {
		return err
	}
	for i, raw := range blocks {
		if clean := t.redact(string(raw)); clean != string(raw) && len(withoutThinking(blocks[i:i+1])) > 0 {
			blocks[i] = json.RawMessage(clean) // thinking is signed, and is shown to nobody but its model
		}
	}
	d.Message.Content = blocks
	args := stepDoneArgs{
		fenced: t.fence, RunID: t.cur.Run.ID, StepID: id, Status: status, MessageID: d.MessageID, Model: t.cur.Run.Model,
		StopReason: string(d.StopReason), Usage: t.spent(d.Usage), Calls: []callPlan{},
	}
	raw := mustJSON(blocks)
	if blocks == nil {
		raw = json.RawMessage("[]")
	}
	if len(raw) > maxRaw {
		if args.Blob, err = t.store(raw); err != nil {
			return err
		}
	} else {
		args.Raw = string(raw)
	}
	for _, c := range callsIn(blocks) {
		plan := callPlan{ToolUseID: c.ID, Name: c.Name, Class: string(t.set.ClassOf(c.Name))}
		if args.Blob == "" {
			plan.Input = string(c.Input)
		}
		args.Calls = append(args.Calls, plan)
	}
	if len(blocks) > 0 {
		row, err := assistantRow(&t.cur.Run, d, got.took, status == StepStopped)
		if err != nil {
			return err
		}
		args.Row = t.storable(row)
	}
	var planned []Call
	if err := t.mutate(t.ctx, "agent:stepDone", args, &planned); err != nil {
		return err
	}
	t.cur.Steps = append(t.cur.Steps, Step{
		ID: id, RunID: t.cur.Run.ID, N: n, Status: status, MessageID: d.MessageID, Model: t.cur.Run.Model,
		Raw: args.Raw, Blob: args.Blob, StopReason: args.StopReason,
	})
	t.cur.Calls = append(t.cur.Calls, planned...)
	t.cur.Run.Spent = t.cur.Run.Spent.plus(args.Usage)
	if args.Blob != "" {
		return t.fillInputs()
	}
	t.Moment("answered")
	return nil
}

// withoutCutCall drops a call at the end of an answer that the output limit
// cut off: its input may be a part of what was meant.
func withoutCutCall(blocks []json.RawMessage) []json.RawMessage {
	if n := len(blocks); n > 0 && len(callsIn(blocks[n-1:])) > 0 {
		return blocks[:n-1]
	}
	return blocks
}

var callID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,100}$`)

// distinct gives calls whose id was used before in this session, or is no id,
// one of their own: ids name results, and sessions in the sandbox.
func (t *task) distinct(blocks []json.RawMessage, n int) ([]json.RawMessage, error) {
	used := map[string]bool{}
	for _, e := range t.entries {
		for _, c := range e.Calls {
			used[c.ToolUseID] = true
		}
	}
	for i, raw := range blocks {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, fmt.Errorf("decode block: %w", err)
		}
		var c callBlock
		if err := json.Unmarshal(raw, &c); err != nil || c.Type != "tool_use" {
			continue // a block of another shape has no id of a call
		}
		if used[c.ID] || !callID.MatchString(c.ID) {
			c.ID = fmt.Sprintf("call_%s_%d_%d", t.cur.Run.ID, n, i)
			fields["id"] = mustJSON(c.ID)
			blocks[i] = mustJSON(fields)
		}
		used[c.ID] = true
	}
	return blocks, nil
}

// failed journals a failed attempt and returns how long to wait before the
// next one, or how the run ends.
func (t *task) failed(id StepID, attempt int, got heard) (time.Duration, *outcome, error) {
	var e *model.Error
	if !errors.As(got.err, &e) {
		e = &model.Error{Kind: model.Transient, Type: "unknown", Message: got.err.Error(), Cause: got.err}
	}
	text := t.redact(e.Message)
	args := stepFailedArgs{fenced: t.fence, RunID: t.cur.Run.ID, StepID: id, Error: text}
	if got.start.MessageID != "" {
		u := t.spent(got.usage())
		args.Usage = &u
		t.cur.Run.Spent = t.cur.Run.Spent.plus(u)
	}
	t.Logger.WarnContext(t.ctx, "model attempt failed", "run", t.cur.Run.ID, "attempt", attempt, "kind", e.Kind, "status", e.Status, "type", e.Type)
	var wait time.Duration
	var end *outcome
	switch {
	case e.Kind == model.Transient && attempt < t.Limits.Attempts && e.RetryAfter <= t.Limits.MaxWait:
		wait = t.backoff(attempt, e.RetryAfter)
		args.Pause = &Pause{
			Until: millis(t.Now().Add(wait)), Attempt: attempt + 1, Of: t.Limits.Attempts, Reason: busyText(e),
		}
	case e.Kind == model.PromptTooLong && t.shorten():
	default:
		end = &outcome{Status: Failed, Subtype: "error_api", Error: apiError(e, text)}
	}
	return wait, end, t.mutate(t.ctx, "agent:stepFailed", args, nil)
}

// shorten leaves more of the conversation out, and tells whether that helps.
func (t *task) shorten() bool {
	h, err := build(t.entries, t.cur.Run.Model, t.content)
	if err != nil {
		return false // the request that follows reports it
	}
	n := len(h.results) - keepResults/2
	if n <= t.trimmed || !h.trim(n) {
		return false
	}
	t.trimmed = n
	return true
}

// backoff is the wait after an attempt: what the provider asks for, else twice
// as long each time, with some jitter so that many do not come back at once.
func (t *task) backoff(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	d := t.Limits.Backoff << (attempt - 1)
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1)) // #nosec G404 -- jitter
}

func busyText(e *model.Error) string {
	switch e.Type {
	case "connection":
		return "The model can't be reached."
	case "incomplete", "stalled", "timeout", "not_a_stream":
		return "The model's answer broke off."
	}
	return "The model is busy."
}

// apiError says why the model gave no answer.
func apiError(e *model.Error, text string) *RunError {
	switch e.Kind {
	case model.KeyRefused:
		return &RunError{Code: "key_refused", Message: "The model key was refused. Check ANTHROPIC_API_KEY."}
	case model.PromptTooLong:
		return &RunError{Code: "too_long", Message: "The conversation is too long for the model. Start a new session."}
	case model.Transient:
		return &RunError{Code: "unavailable", Message: strings.TrimSuffix(busyText(e), ".") + ", and stayed so over all attempts. Nothing is lost: try again later."}
	}
	return &RunError{Code: "bad_request", Message: "The model refused the request: " + cutText(text, 300)}
}

// content returns the blocks of a step, from its document or its file.
func (s *Service) content(step *Step) ([]json.RawMessage, error) {
	raw := []byte(step.Raw)
	if step.Blob != "" {
		var err error
		if raw, err = os.ReadFile(s.blobPath(step.Blob)); err != nil {
			return nil, fmt.Errorf("read answer %s: %w", step.Blob, err)
		}
	}
	if len(raw) == 0 {
		return nil, nil
	}
	var blocks []json.RawMessage
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("decode answer of step %s: %w", step.ID, err)
	}
	return blocks, nil
}

func (s *Service) blobPath(hash string) string {
	return filepath.Join(s.DataDir, "answers", filepath.Base(hash)+".json")
}

// store writes an answer that is too long for a document to a file that its
// hash names.
func (s *Service) store(raw []byte) (string, error) {
	sum := sha256.Sum256(raw)
	hash := hex.EncodeToString(sum[:])
	path := s.blobPath(hash)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make answers folder: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "answer-*")
	if err != nil {
		return "", fmt.Errorf("store answer: %w", err)
	}
	_, err = tmp.Write(raw)
	if serr := tmp.Sync(); err == nil {
		err = serr
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // a temporary file
		return "", fmt.Errorf("store answer: %w", err)
	}
	return hash, nil
}
