/** Compiled by the tests with the types that TypeScript emits, which need reflect-metadata. */
import { Field, State } from 'dgents-core/decorators';

enum Size {
  Small = 1,
}

@State({ name: 'address' })
export class Address {
  @Field() city!: string;

  constructor() {
    this.city = '';
  }
}

@State({ name: 'person' })
export class Person {
  @Field() name!: string;
  @Field() age!: number;
  @Field() member!: boolean;
  @Field() coins!: bigint;
  @Field() born: Date = new Date(0);
  @Field() key: Uint8Array = new Uint8Array();
  @Field() level: 'low' | 'high' = 'low';
  @Field() size: Size = Size.Small;
  @Field() address: Address = new Address();
  @Field({ optional: true, name: 'n' }) nick?: string;
  @Field(() => Person, { optional: true }) friend?: Person;

  constructor() {
    this.name = '';
    this.age = 0;
    this.member = false;
    this.coins = 0n;
  }
}
