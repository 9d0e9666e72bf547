package main

import (
	"context"
	"os"
	"sync"

	"go.uber.org/zap"

	"quarry/keys"
	"quarry/miner"
	"quarry/screen"
)

// attend lets the person at the terminal see counts in share lines and press keys, in
// goroutines that end with ctx.
func (rig *rig) attend(ctx context.Context, log *logging, report *screen.Reporter, keyboard *keys.Keyboard, running *sync.WaitGroup) error {
	if log.terminal == nil {
		return nil
	}
	var pools []string
	for _, p := range rig.client.Status() {
		pools = append(pools, p.Name)
	}
	log.terminal.Watch(rig.telemetry.Ledger, pools)
	if keyboard == nil {
		return nil
	}
	control, err := miner.NewControl(rig.miner.Devices, rig.telemetry, log.Logger)
	if err != nil {
		return err
	}
	controls := &screen.Controls{Terminal: log.terminal, Reporter: report, Pause: control.Pause, Resume: control.Resume, Quit: interrupt}
	if keyboard.Foreground() {
		log.terminal.Say(screen.Keys)
	}
	running.Go(func() {
		if err := keyboard.Run(ctx, controls.Press); err != nil {
			log.Debug("keys are no longer read", zap.Error(err))
		}
	})
	return nil
}

// interrupt does what Ctrl-C does.
func interrupt() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(os.Interrupt)
	}
}
