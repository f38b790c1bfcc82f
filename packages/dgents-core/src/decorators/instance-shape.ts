import { declaredOf, type StateClass } from './declared.js';
import { Shape, type Walk } from './shape.js';

/** An instance of a class, or of a subclass that is known; its own class says what is in it. */
export class InstanceShape extends Shape {
  override readonly text: string;

  constructor(override readonly type: StateClass) {
    super();
    this.text = `an instance of ${type.name}`;
  }

  is(value: unknown, walk: Walk): boolean {
    if (typeof value !== 'object' || value === null || walk.kindOf(value) !== 'class') return false;
    return Object.prototype.isPrototypeOf.call(this.type.prototype, value);
  }

  override inside(instance: object, walk: Walk): void {
    const declared = declaredOf(Object.getPrototypeOf(instance));
    if (declared === undefined) return;
    const { fields, type } = declared;
    for (const { property, optional, shape } of fields.values()) {
      const value = (instance as Record<string, unknown>)[property];
      if (value === undefined && optional) continue;
      if (Object.hasOwn(instance, property)) walk.at(property, shape(), value);
      else walk.issue('missing', property);
    }
    for (const key of Reflect.ownKeys(instance)) {
      if (typeof key === 'string' && fields.has(key)) continue;
      walk.issue(`not a field of ${type.name}: give it @Field, or leave it away`, key);
    }
  }
}
