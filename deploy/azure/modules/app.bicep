// A service as a container app: from none to some replicas, by the messages in its queues.
param prefix string
param location string
param tags object
@description('Of the service.')
param name string
@description('By digest.')
param image string
param environmentId string
@description('The server of the registry that has the image.')
param registryServer string
@description('Of the service: id and clientId.')
param identity object
@description('The id of the identity that counts messages.')
param scaler string
@description('The account of the queues.')
param workName string
param queues array
@description('How many messages of a queue a replica is started for.')
param messages int
param replicas int
@description('Cores, which may be a fraction.')
param cpu string
param memory string
param env array
param probes array
@description('How long it may finish what it holds when it is told to leave.')
param drainSeconds int

resource app 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${prefix}-${name}'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([identity.id, scaler], id => id, id => {})
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      registries: [{ server: registryServer, identity: identity.id }]
      identitySettings: [{ identity: scaler, lifecycle: 'None' }]
    }
    template: {
      terminationGracePeriodSeconds: drainSeconds + 30
      containers: [
        {
          name: name
          image: image
          resources: { cpu: json(cpu), memory: memory }
          probes: probes
          env: concat(env, [{ name: 'AZURE_CLIENT_ID', value: identity.clientId }])
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: replicas
        pollingInterval: 30
        cooldownPeriod: 300
        rules: [for queue in queues: {
          name: queue
          custom: {
            type: 'azure-queue'
            identity: scaler
            metadata: { accountName: workName, queueName: queue, queueLength: string(messages), queueLengthStrategy: 'all' }
          }
        }]
      }
    }
  }
}
