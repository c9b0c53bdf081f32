// Before anything is shown, so that nothing flashes: the appearance that somebody chose on this device.
try {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
} catch {
  // Without storage the system decides.
}
