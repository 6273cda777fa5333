import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LinkedList, ListNode } from '../../src/util/linked-list.ts'

test('has what is in it, in the order in which it came, whatever is taken out', () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), at: fc.nat(20) }), { size: 'max', maxLength: 60 })
  fc.assert(
    fc.property(steps, (sequence) => {
      const list = new LinkedList<ListNode<number>>()
      const expected: ListNode<number>[] = []
      const gone: ListNode<number>[] = []
      for (const [index, { add, at }] of sequence.entries()) {
        const [found] = add ? [] : expected.splice(at, 1)
        if (found !== undefined) {
          expect(list.delete(found)).toBe(true)
          gone.push(found)
        } else if (add) {
          expected.push(new ListNode(index))
          list.add(expected.at(-1) as ListNode<number>)
        }
        for (const place of gone) expect(list.delete(place)).toBe(false)
        expect([...list]).toEqual(expected)
        expect([list.size, list.first]).toEqual([expected.length, expected[0]])
      }
      for (const { previous, next } of gone) expect([previous, next]).toEqual([undefined, undefined])
    }),
    { numRuns: 100 },
  )
})

test('whoever is yielded may be taken out, and is not missed', () => {
  const list = new LinkedList<ListNode<number>>()
  for (let item = 0; item < 5; item++) list.add(new ListNode(item))
  const seen: number[] = []
  for (const place of list) {
    seen.push(place.item)
    list.delete(place)
  }
  expect(seen).toEqual([0, 1, 2, 3, 4])
  expect(list.size).toBe(0)
})
