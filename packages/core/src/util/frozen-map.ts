/** A map that nobody can change once it is made: `Object.freeze` alone leaves a map's entries open. */
export class FrozenMap<K, V> extends Map<K, V> {
  constructor(entries: Iterable<readonly [K, V]>) {
    super()
    for (const [key, value] of entries) super.set(key, value)
    Object.freeze(this)
  }

  override set(): never {
    throw refusal()
  }

  override delete(): never {
    throw refusal()
  }

  override clear(): never {
    throw refusal()
  }
}

function refusal(): TypeError {
  return new TypeError('This map is frozen')
}
