//! What systemd is told, where it started us: ready, reloading, stopping, how it goes, and that the loop is alive (sd_notify(3)).

use std::time::Duration;

use sd_notify::NotifyState;

/// Sends one state. Without systemd this does nothing; a failure is logged and otherwise ignored.
pub(super) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// Says that a reload has begun; `Ready` ends it. systemd wants the time with it (`Type=notify-reload`).
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now()
        && let Err(error) = sd_notify::notify(&[NotifyState::Reloading, now])
    {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// How often the watchdog wants to hear from us: half of what the unit allows. `None` when it has no watchdog for us.
pub(super) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}
