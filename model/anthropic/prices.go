package anthropic

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"surgent.dev/surgent/model"
)

//go:embed prices.json
var embeddedPrices []byte

// entry is what the price list says of one model. Prices are in dollars per
// million tokens; without input and output the price is unknown. (Haiku 5.5
// has two price bands by the length of the prompt, which one Price cannot say:
// better unknown than wrong.)
type entry struct {
	Name       string  `json:"name"`
	Window     int64   `json:"window"`
	MaxOutput  int64   `json:"maxOutput"`
	Input      float64 `json:"input"`
	Output     float64 `json:"output"`
	CacheWrite float64 `json:"cacheWrite"`
	CacheRead  float64 `json:"cacheRead"`
}

// priceList is by model id; an entry also holds for dated ids that begin with
// its own ("claude-x" for "claude-x-20260101").
type priceList map[string]entry

func loadPrices(override []byte) (priceList, error) {
	list := priceList{}
	if err := json.Unmarshal(embeddedPrices, &list); err != nil {
		return nil, fmt.Errorf("read embedded prices: %w", err)
	}
	if len(override) > 0 {
		if err := json.Unmarshal(override, &list); err != nil {
			return nil, fmt.Errorf("read prices: %w", err)
		}
	}
	return list, nil
}

func (l priceList) find(id string) (entry, bool) {
	if e, ok := l[id]; ok {
		return e, true
	}
	best := ""
	for known := range l {
		rest, ok := strings.CutPrefix(id, known+"-")
		if ok && len(rest) == 8 && strings.Trim(rest, "0123456789") == "" && len(known) > len(best) {
			best = known
		}
	}
	e, ok := l[best]
	return e, ok
}

// describe returns what is known of a model; of an unknown one, cautious
// limits and no price.
func (m *Model) describe(id string) model.Info {
	info := model.Info{Provider: "anthropic", ID: id, Name: id, ContextWindow: 200_000, MaxOutput: 32_000}
	e, ok := m.prices.find(id)
	if !ok {
		return info
	}
	if e.Name != "" {
		info.Name = e.Name
	}
	if e.Window > 0 {
		info.ContextWindow = e.Window
	}
	if e.MaxOutput > 0 {
		info.MaxOutput = e.MaxOutput
	}
	if e.Input > 0 && e.Output > 0 {
		info.Price = &model.Price{Input: e.Input, Output: e.Output, CacheWrite: e.CacheWrite, CacheRead: e.CacheRead}
	}
	return info
}

// Describe tells what is known of a model by id, "" for the default one.
func (m *Model) Describe(id string) model.Info {
	if id == "" {
		return m.info
	}
	return m.describe(id)
}
