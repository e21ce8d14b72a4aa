package app

import (
	"surgent.dev/surgent/internal/builder/config"
	"surgent.dev/surgent/model"
)

// clientConfig is what config:client answers on this server.
func (a *App) clientConfig(m model.Model) config.Client {
	info := m.Info()
	_, domain := a.appsAt()
	return config.Client{
		Demo: info.Provider == "demo", Providers: []string{info.Provider},
		Model:  config.Model{ID: info.ID, Name: info.Name},
		Google: a.config.Google.ClientID != "", Domain: domain,
	}
}
