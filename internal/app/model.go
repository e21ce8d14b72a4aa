package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"surgent.dev/surgent/internal/config"
	"surgent.dev/surgent/model"
	"surgent.dev/surgent/model/anthropic"
	"surgent.dev/surgent/model/demo"
)

// openModel chooses the model: Anthropic's, or whoever speaks its API, when
// there is a key, else the demo.
func (a *App) openModel() (model.Model, error) {
	if a.config.Anthropic.APIKey == "" {
		return demo.New(demo.Config{}), nil
	}
	m, err := newAnthropic(a.config.Anthropic)
	if err != nil {
		return nil, err
	}
	a.provider = m
	return m, nil
}

func newAnthropic(c config.Anthropic) (*anthropic.Model, error) {
	var prices []byte
	if c.Prices != "" {
		var err error
		if prices, err = os.ReadFile(c.Prices); err != nil {
			return nil, fmt.Errorf("SURGENT_PRICES: the price file can't be read: %w", cause(err))
		}
	}
	m, err := anthropic.New(anthropic.Config{
		APIKey: anthropic.Key(c.APIKey.Reveal()), BaseURL: c.BaseURL, Model: c.Model, Prices: prices,
	})
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

// checkAnthropic asks the provider, and says in one line what is wrong and
// which variable mends it.
func checkAnthropic(ctx context.Context, m *anthropic.Model, c config.Anthropic) error {
	err := m.Check(ctx)
	var e *model.Error
	if !errors.As(err, &e) {
		return err
	}
	at := cmp.Or(c.BaseURL, anthropic.DefaultBaseURL)
	switch {
	case e.Kind == model.KeyRefused:
		return fmt.Errorf("the key was refused at %s (%s): check ANTHROPIC_API_KEY", at, e.Message)
	case e.Status == http.StatusNotFound:
		return fmt.Errorf("%s has no model %q: check ANTHROPIC_MODEL", at, m.Info().ID)
	}
	return fmt.Errorf("%s can't be reached (%s): check the network and ANTHROPIC_BASE_URL", at, e.Message)
}

// watchModel tells at the start what is wrong with the provider, and rests.
// It stops nothing: the workspace works without a model, and each run says
// the same.
func (a *App) watchModel(ctx context.Context) error {
	if a.provider != nil {
		if err := checkAnthropic(ctx, a.provider, a.config.Anthropic); err != nil && ctx.Err() == nil {
			a.logger.Warn("the model will not answer", "error", err)
		}
	}
	<-ctx.Done()
	return nil
}

func diagnoseModel(ctx context.Context, c *config.Config) Finding {
	const part = "model"
	if c.Anthropic.APIKey == "" {
		return Finding{Part: part, Text: "the demo model, which plays recorded builds: set ANTHROPIC_API_KEY for a real one", Note: true}
	}
	m, err := newAnthropic(c.Anthropic)
	if err == nil {
		err = checkAnthropic(ctx, m, c.Anthropic)
	}
	if err != nil {
		return Finding{Part: part, Text: err.Error(), Missing: true}
	}
	return Finding{Part: part, Text: m.Info().Name + " at " + cmp.Or(c.Anthropic.BaseURL, anthropic.DefaultBaseURL)}
}
