/** Express 4 under an alias; its declarations differ from Express 5's in nothing that is used here. */
declare module 'express4' {
  export { default } from 'express'
}
