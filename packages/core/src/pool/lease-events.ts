import type { EndpointMessage } from '../diagnostics/endpoint-message.ts'
import {
  type DestroyCause,
  type LeaseCheckedOutMessage,
  type LeaseDestroyedMessage,
  type LeaseMessage,
  type LeaseRefusedMessage,
  type LeaseReleasedMessage,
  leaseCheckedOut,
  leaseDestroyed,
  leaseDetached,
  leaseRecovered,
  leaseRefused,
  leaseReleased,
  leaseRequested,
} from '../diagnostics/lease-events.ts'
import type { Clock } from '../util/clock.ts'
import type { LongHeld } from './lease-holders.ts'
import type { LeaseSubject } from './lease-subject.ts'
import { reportLeaked } from './report-leaks.ts'

/** Publishes what becomes of one server's leases. Where nobody listens, nothing is made. */
export class LeaseEvents {
  readonly #about: EndpointMessage
  readonly #clock: Clock

  constructor(about: EndpointMessage, clock: Clock) {
    this.#about = about
    this.#clock = clock
  }

  requested(lease: LeaseSubject): void {
    if (leaseRequested.hasSubscribers) leaseRequested.publish(this.#message(lease))
  }

  checkedOut(lease: LeaseSubject, waitMs: number): void {
    if (!leaseCheckedOut.hasSubscribers) return
    // Here and in `released`, which each request has, a literal: a spread costs more than all the rest of an event.
    const { sharding, shard, endpoint, kind } = this.#about
    const { role, number, correlation } = lease
    const about = { sharding, shard, endpoint, kind, role, lease: number, correlation, waitMs }
    leaseCheckedOut.publish(about satisfies LeaseCheckedOutMessage)
  }

  refused(lease: LeaseSubject, since: number, error: unknown): void {
    if (!leaseRefused.hasSubscribers) return
    const waitMs = this.#clock.now() - since
    const { code } = error as { code: string }
    leaseRefused.publish({ ...this.#message(lease), waitMs, code } satisfies LeaseRefusedMessage)
  }

  released(lease: LeaseSubject, since: number): void {
    if (!leaseReleased.hasSubscribers) return
    const heldMs = this.#clock.now() - since
    const { sharding, shard, endpoint, kind } = this.#about
    const { role, number, correlation } = lease
    const about = { sharding, shard, endpoint, kind, role, lease: number, correlation, heldMs }
    leaseReleased.publish(about satisfies LeaseReleasedMessage)
  }

  destroyed(lease: LeaseSubject, since: number, cause: DestroyCause): void {
    if (!leaseDestroyed.hasSubscribers) return
    const heldMs = this.#clock.now() - since
    const holder = lease.description
    leaseDestroyed.publish({
      ...this.#message(lease),
      heldMs,
      cause,
      holder,
    } satisfies LeaseDestroyedMessage)
  }

  detached(lease: LeaseSubject): void {
    if (leaseDetached.hasSubscribers) leaseDetached.publish(this.#message(lease))
  }

  leaked({ lease, heldMs, stack }: LongHeld): void {
    const where = stack === undefined ? {} : { stack }
    reportLeaked({ ...this.#message(lease), holder: lease.description, heldMs, ...where })
  }

  recovered({ lease, heldMs }: LongHeld): void {
    if (!leaseRecovered.hasSubscribers) return
    leaseRecovered.publish({ ...this.#message(lease), holder: lease.description, heldMs })
  }

  #message({ role, number, correlation }: LeaseSubject): LeaseMessage {
    const { sharding, shard, endpoint, kind } = this.#about
    return { sharding, shard, endpoint, kind, role, lease: number, correlation }
  }
}
