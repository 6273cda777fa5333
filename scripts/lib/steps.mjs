/** @param {number} total @returns {(title: string) => void} prints `[1/3] title`, then `[2/3] …` */
export function steps(total) {
  let number = 0
  return (title) => console.log(`[${++number}/${total}] ${title}`)
}
