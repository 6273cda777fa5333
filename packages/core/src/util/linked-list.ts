/** What carries the links of the list that it stands in: of one at a time. */
export interface Linked<T> {
  /** Kept by the list, as are the two others. */
  list: object | undefined
  previous: T | undefined
  next: T | undefined
}

/**
 * Items in the order in which they were added. They carry the links themselves: whoever is next is at hand, and leaving from
 * the middle costs no search.
 *
 * For what comes and goes with each request a `Set` or a `Map` is no place. It has to skip what was taken out at its front,
 * a microsecond at a thousand callers; and each time it has had so many items it goes on in a new table, to which the old
 * one leads (`next_table` in https://github.com/v8/v8/blob/main/src/objects/ordered-hash-table.h): once one of these has
 * grown old, all that is put into a later one grows old, too, and is garbage that only a full collection finds.
 */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined
  #last: T | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first
  }

  add(item: T): void {
    item.list = this
    item.previous = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.next = item
    this.#last = item
    this.#size++
  }

  /** False when the item is not in this list. */
  delete(item: T): boolean {
    if (item.list !== this) return false
    const { previous, next } = item
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    item.list = item.previous = item.next = undefined
    this.#size--
    return true
  }

  /** Whoever is yielded may be taken out before the next one is asked for. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#first
    while (item !== undefined) {
      const { next } = item
      yield item
      item = next
    }
  }
}

/** For what carries no links itself. */
export class ListNode<T> implements Linked<ListNode<T>> {
  readonly item: T
  list: object | undefined
  previous: ListNode<T> | undefined
  next: ListNode<T> | undefined

  constructor(item: T) {
    this.item = item
    this.list = this.previous = this.next = undefined
  }
}
