// A service as jobs that leave by themselves: an app's scale-in might end a replica that works.
param prefix string
param location string
param tags object
@description('Of the service.')
param name string
@description('By digest.')
param image string
param environmentId string
@description('A workload profile of the environment.')
param profile string
@description('The server of the registry that has the image.')
param registryServer string
@description('Of the service: id and clientId.')
param identity object
@description('The id of the identity that counts messages.')
param scaler string
@description('The account of the queues.')
param workName string
@description('Of each: name, and length, which is how many messages a job is started for.')
param queues array
@description('The most jobs at a time.')
param executions int
param cpu int
param memory string
param env array
param probes array

resource worker 'Microsoft.App/jobs@2026-01-01' = {
  name: '${prefix}-${name}'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([identity.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: profile
    configuration: {
      triggerType: 'Event'
      replicaTimeout: 86400
      replicaRetryLimit: 1
      registries: [{ server: registryServer, identity: identity.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: executions
          pollingInterval: 30
          rules: [for queue in queues: {
            name: queue.name
            type: 'azure-queue'
            identity: scaler
            metadata: { accountName: workName, queueName: queue.name, queueLength: string(queue.length), queueLengthStrategy: 'all' }
          }]
        }
      }
    }
    template: {
      containers: [
        {
          name: name
          image: image
          resources: { cpu: cpu, memory: memory }
          probes: probes
          volumeMounts: [{ volumeName: 'scratch', mountPath: '/scratch' }]
          env: concat(env, [
            { name: 'AZURE_CLIENT_ID', value: identity.clientId }
            { name: 'TMPDIR', value: '/scratch' }
          ])
        }
      ]
      volumes: [{ name: 'scratch', storageType: 'EmptyDir' }]
    }
  }
}
