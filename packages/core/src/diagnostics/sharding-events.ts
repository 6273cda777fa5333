import type { Channel } from 'node:diagnostics_channel'
import * as breaker from './breaker-events.ts'
import * as budget from './budget-events.ts'
import * as connection from './connection-events.ts'
import * as job from './job-events.ts'
import * as lease from './lease-events.ts'
import * as pool from './pool-events.ts'
import * as replica from './replica-events.ts'
import * as scope from './scope-events.ts'
import * as stamp from './stamp-events.ts'
import * as topology from './topology-events.ts'

/** Every event, by the name of its channel without `sherd:`, and its payload. */
export interface ShardingEvents {
  'pool:created': pool.PoolCreatedMessage
  'pool:opened': pool.PoolOpenedMessage
  'pool:exhausted': pool.PoolExhaustedMessage
  'pool:drained': pool.PoolDrainedMessage
  'pool:closed': pool.PoolClosedMessage
  'connection:opened': connection.ConnectionOpenedMessage
  'connection:closed': connection.ConnectionClosedMessage
  'lease:requested': lease.LeaseRequestedMessage
  'lease:checked-out': lease.LeaseCheckedOutMessage
  'lease:refused': lease.LeaseRefusedMessage
  'lease:released': lease.LeaseReleasedMessage
  'lease:destroyed': lease.LeaseDestroyedMessage
  'lease:detached': lease.LeaseDetachedMessage
  'lease:leaked': lease.LeaseLeakedMessage
  'lease:recovered': lease.LeaseRecoveredMessage
  'scope:entered': scope.ScopeEnteredMessage
  'scope:left': scope.ScopeLeftMessage
  'breaker:changed': breaker.BreakerChangedMessage
  'replica:ejected': replica.ReplicaEjectedMessage
  'replica:readmitted': replica.ReplicaReadmittedMessage
  'job:started': job.JobStartedMessage
  'job:completed': job.JobCompletedMessage
  'stamp:missed': stamp.StampMissedMessage
  'budget:changed': budget.BudgetChangedMessage
  'topology:reload': topology.TopologyMessage
  'topology:reloaded': topology.TopologyMessage
}

export type ShardingEvent = keyof ShardingEvents

export const channels: { readonly [E in ShardingEvent]: Channel } = {
  'pool:created': pool.poolCreated,
  'pool:opened': pool.poolOpened,
  'pool:exhausted': pool.poolExhausted,
  'pool:drained': pool.poolDrained,
  'pool:closed': pool.poolClosed,
  'connection:opened': connection.connectionOpened,
  'connection:closed': connection.connectionClosed,
  'lease:requested': lease.leaseRequested,
  'lease:checked-out': lease.leaseCheckedOut,
  'lease:refused': lease.leaseRefused,
  'lease:released': lease.leaseReleased,
  'lease:destroyed': lease.leaseDestroyed,
  'lease:detached': lease.leaseDetached,
  'lease:leaked': lease.leaseLeaked,
  'lease:recovered': lease.leaseRecovered,
  'scope:entered': scope.scopeEntered,
  'scope:left': scope.scopeLeft,
  'breaker:changed': breaker.breakerChanged,
  'replica:ejected': replica.replicaEjected,
  'replica:readmitted': replica.replicaReadmitted,
  'job:started': job.jobStarted,
  'job:completed': job.jobCompleted,
  'stamp:missed': stamp.stampMissed,
  'budget:changed': budget.budgetChanged,
  'topology:reload': topology.topologyReload,
  'topology:reloaded': topology.topologyReloaded,
}
