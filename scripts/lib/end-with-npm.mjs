/**
 * npm runs a script through a shell. Told to terminate, the shell ends and leaves its script behind; the script
 * then sees another parent, and takes that for the signal it was not sent.
 */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return
  const shell = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, 200)
  timer.unref()
}
