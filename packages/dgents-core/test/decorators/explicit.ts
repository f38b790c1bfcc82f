/** Compiled by the tests as every compiler does it: legacy decorators, and standard ones. All types are told. */
import { Field, mapOf, oneOf, State } from 'dgents-core/decorators';

@State({ name: 'line', version: 2, migrations: { 1: (old: { sku: string }) => ({ ...old, n: 1 }) } })
export class Line {
  @Field(() => String) sku = '';
  @Field(() => Number, { name: 'n' }) count = 1;
}

@State({ name: 'gift' })
export class Gift extends Line {
  @Field(() => String, { optional: true }) wrapping?: string;

  get wrapped(): boolean {
    return this.wrapping !== undefined;
  }
}

@State({ name: 'order' })
export class Order {
  @Field(() => [Line]) lines: Line[] = [];
  @Field(() => mapOf(String, Date)) stamps = new Map<string, Date>();
  @Field(() => oneOf(Customer, null)) customer: Customer | null = null;

  add(sku: string): void {
    const line = new Line();
    line.sku = sku;
    this.lines.push(line);
  }
}

/** Below the class that names it, and naming that again. */
@State({ name: 'customer' })
export class Customer {
  @Field(() => String) name = '';
  @Field(() => [Order]) orders: Order[] = [];
}
