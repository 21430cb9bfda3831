// What a reader has done, kept in the browser so that nothing is lost on reload; without storage it is simply not kept.

export class Store {
  constructor(name) {
    this.name = `rollproof.${name}`;
    this.memory = {};
    try {
      this.memory = JSON.parse(localStorage.getItem(this.name)) ?? {};
    } catch {
      this.memory = {};
    }
    if (typeof this.memory !== "object" || Array.isArray(this.memory)) this.memory = {};
  }

  get(key, otherwise) {
    const value = this.memory[key];
    return value === undefined || typeof value !== typeof otherwise ? otherwise : value;
  }

  set(key, value) {
    this.memory[key] = value;
    try {
      localStorage.setItem(this.name, JSON.stringify(this.memory));
    } catch {
      // It is kept in memory, then.
    }
  }
}
